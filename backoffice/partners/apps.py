from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "backoffice.partners"
    label = "partners"
    verbose_name = "Roaming"
