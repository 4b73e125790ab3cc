from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ApiConfig(AppConfig):
    name = "backoffice.api"
    label = "api"
    verbose_name = "API access"

    def ready(self) -> None:
        """Find every app's `api`, as the admin finds every app's `admin`: all processes know which scopes there are."""
        autodiscover_modules("api")
