"""The Celery application. Its configuration is in settings.py, under names that begin with ``CELERY_``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

app = Celery("roamdesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
