"""The one OcpiSite of this platform, with its outgoing client. Imports no app: apps import this.

Public URL and networks come from settings; the hooks are set by the apps that own the tables.
"""

from django.conf import settings

from ocpi.client import AddressPolicy, Client
from ocpi.site import OcpiSite

site = OcpiSite()
site.public_url = settings.PUBLIC_URL
site.client = Client(
    AddressPolicy(
        allow_http=settings.OUTGOING_ALLOW_HTTP,
        allowed_networks=tuple(settings.OUTGOING_ALLOW_NETWORKS),
    )
)
