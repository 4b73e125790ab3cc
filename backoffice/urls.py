"""Every address that the platform answers."""

from http import HTTPStatus

from django.contrib import admin
from django.urls import path
from django.views import defaults

from backoffice.roaming_site import site
from backoffice.supervisor import health
from ocpi.server.errors import in_envelope

urlpatterns = [
    path("ocpi/", site.urls),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]

handler400 = in_envelope(HTTPStatus.BAD_REQUEST, defaults.bad_request, root="/ocpi")
handler404 = in_envelope(HTTPStatus.NOT_FOUND, defaults.page_not_found, root="/ocpi")
handler500 = in_envelope(HTTPStatus.INTERNAL_SERVER_ERROR, defaults.server_error, root="/ocpi")
