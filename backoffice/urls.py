"""Every address that the platform answers."""

from django.contrib import admin
from django.urls import path

from backoffice.roaming_site import site
from backoffice.supervisor import health

urlpatterns = [
    path("ocpi/", site.urls),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]
