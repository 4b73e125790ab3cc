"""Staff of each group, and locations as partners tell us of them: what tests of the locations door start from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from backoffice.locations.actions.storing import store
from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire

GROUPS = ("Operations", "Finance", "Read-only")
PAGES = "/admin/locations/location/"


def staff(name: str, *groups: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def partners_location(party: Party, tree: dict[str, Any], *, now: datetime | None = None) -> Location:
    """A location as a partner's push would store it."""
    value = wire_json.validate(wire.Location, tree)
    (item,) = store(party.pk, [(tree, value)], source="partner", now=now or site.now(), ours=False)
    return Location.objects.get(pk=item.id)
