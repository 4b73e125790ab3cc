"""Every address that the platform answers."""

from http import HTTPStatus

from django.contrib import admin
from django.urls import include, path
from django.views import defaults

from backoffice.api.serving.problems import as_problem
from backoffice.api.serving.site import api_site
from backoffice.roaming_site import site
from backoffice.supervisor import health
from ocpi.server.errors import Handler, in_envelope

urlpatterns = [
    path("ocpi/", site.urls),
    path("api/", api_site.urls),
    path("admin/", admin.site.urls),
    path("invoice/", include("backoffice.payments.door")),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]


def _said(status: HTTPStatus, page: Handler) -> Handler:
    """An error of Django's own in the form that the address speaks: OCPI's envelope, a problem document, or a page."""
    return in_envelope(status, as_problem(status, page, root="/api"), root="/ocpi")


handler400 = _said(HTTPStatus.BAD_REQUEST, defaults.bad_request)
handler404 = _said(HTTPStatus.NOT_FOUND, defaults.page_not_found)
handler500 = _said(HTTPStatus.INTERNAL_SERVER_ERROR, defaults.server_error)
