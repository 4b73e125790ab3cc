"""Production's addresses, and the measured extra ones: under /bench/, and the list of the bench's own table."""

from django.urls import include, path, re_path

from backoffice.roaming_site import site
from bench import rows, views
from ocpi.server.door import view
from ocpi.server.viewsets import VERBS, OwnedObjectsDoor
from ocpi.wire.versions import InterfaceRole

_rows = view(OwnedObjectsDoor, VERBS, site=site, module=rows.MODULE, version="2.3.0", interface=InterfaceRole.SENDER)

urlpatterns = [
    path("bench/empty", views.empty),
    path("api/bench/own-status", views.own_status),
    re_path(r"^ocpi/2\.3\.0/sender/benchrows(?P<path>(?:/.*)?)$", _rows),
    path("", include("backoffice.urls")),
]
