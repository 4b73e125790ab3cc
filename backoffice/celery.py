"""The Celery application. Its configuration is in settings.py, under names that begin with ``CELERY_``."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

app = Celery("roamdesk", task_cls="backoffice.jobs.recording:Recorded")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="door")  # whoever tells that an order was answered tells also that it was not

# What runs by itself. Beat keeps these in the database, where staff may change the times.
app.conf.beat_schedule = {
    "Fetch from partners what is due": {"task": "delivery.pull_due", "schedule": 15.0, "options": {"expires": 15}},
    "Wait no longer for stations that do not answer": {
        "task": "charge_points.expire",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "Count the hours that the start page draws": {"task": "console.count", "schedule": 300.0},
    "Price sessions that have moved": {"task": "sessions.price_waiting", "schedule": 15.0, "options": {"expires": 15}},
    "Look for sessions that stand still": {"task": "sessions.sweep", "schedule": 60.0, "options": {"expires": 60}},
    "End charging profile requests that nobody answers": {
        "task": "charging_profiles.sweep",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "Stop waiting for results of commands, and end reservations": {
        "task": "commands.sweep",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "Look after charges that cards pay for": {
        "task": "payments.catch_up",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "Begin bookings, and end those for which nobody comes": {
        "task": "bookings.sweep",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "Forget what was kept for bookings that are over": {"task": "bookings.tidy", "schedule": 3600.0},
    "Price CDRs that were received": {"task": "cdrs.check_waiting", "schedule": 5.0, "options": {"expires": 5}},
    "Issue CDRs that are missing, and owe those that were never owed": {"task": "cdrs.look_after", "schedule": 60.0},
    "Look for CDRs that we missed": {"task": "cdrs.fetch_missed", "schedule": crontab(hour=2, minute=10)},
    "Ask partners for yesterday's CDRs": {"task": "cdrs.ask_again", "schedule": crontab(hour=3, minute=10)},
    "Trim the log of API calls and webhooks": {"task": "api.trim", "schedule": 3600.0},
    "Forget what was asked of charge points long ago": {"task": "commands.trim", "schedule": 86_400.0},
    "Trim the message log": {"task": "delivery.trim", "schedule": 3600.0},
    "Make exports that are due, and look after those that failed": {"task": "billing.look_after", "schedule": 60.0},
    "Compare the books with the CDRs, and remove old files of exports": {
        "task": "billing.compare",
        "schedule": 86_400.0,
    },
    "Exchange tokens that have grown old": {"task": "partners.rotate_old", "schedule": 86_400.0},
}
