from django.apps import AppConfig


class ChargingProfilesConfig(AppConfig):
    name = "backoffice.charging_profiles"
    label = "charging_profiles"
    verbose_name = "Charging profiles"
