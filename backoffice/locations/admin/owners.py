"""Which of our parties a new location may belong to."""

from __future__ import annotations

from django.http import HttpRequest

from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site


def sending_parties(request: HttpRequest) -> list[Party]:
    """Ours that share locations with partners, as far as this user may see them."""
    roles = site.module("locations").sender_roles
    senders = Party.objects.filter(ours=True, roles__connection=None, roles__role__in=roles).distinct()
    return list(scoped(senders, request.user, "id"))
