from django.apps import AppConfig


class LocationsConfig(AppConfig):
    name = "backoffice.locations"
    label = "locations"
    verbose_name = "Network"
