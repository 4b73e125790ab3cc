"""Start-up: find every app's `roaming.py`, as admin finds `admin.py`, in every kind of process.

It happens in `ready()` and not in urls.py because a Celery worker never imports URLs and would know no modules.
"""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OcpiConfig(AppConfig):
    """Must stand last in INSTALLED_APPS: the doors it loads import every app's models."""

    name = "ocpi"
    label = "ocpi"

    def ready(self) -> None:
        autodiscover_modules("roaming")
