from django.apps import AppConfig


class ChargePointsConfig(AppConfig):
    name = "backoffice.charge_points"
    label = "charge_points"
    verbose_name = "Charge points"
