from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "backoffice.sessions"
    label = "charging_sessions"
    verbose_name = "Sessions"
