from django.apps import AppConfig


class CdrsConfig(AppConfig):
    name = "backoffice.cdrs"
    label = "cdrs"
    verbose_name = "CDRs"
