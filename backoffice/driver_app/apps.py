from django.apps import AppConfig


class DriverAppConfig(AppConfig):
    name = "backoffice.driver_app"
    label = "driver_app"
    verbose_name = "Driver apps"
