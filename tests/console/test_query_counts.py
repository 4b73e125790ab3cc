"""How many queries each page of the admin asks: a baseline file, the same for one row and for many.

After a change that is meant: `ROAMDESK_WRITE_QUERY_COUNTS=1 pytest tests/console/test_query_counts.py`, and look at the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.locations.cast import logged_in, partners_location

pytestmark = pytest.mark.django_db

BASELINE = Path(__file__).parent / "query_counts.json"
MOST = 25

PAGES = (
    "/admin/",
    "/admin/auth/user/",
    "/admin/partners/connection/",
    "/admin/partners/party/",
    "/admin/delivery/exchange/",
    "/admin/delivery/message/",
    "/admin/delivery/pull/",
    "/admin/locations/location/",
    "/admin/locations/location/?q=lund&status=AVAILABLE",
    "/admin/locations/location/board/",
    "/admin/locations/location/map/",
    "/admin/locations/location/map/data/?bbox=-180,-90,180,90&zoom=3",
    "/admin/locations/location/{pk}/change/",
    "/admin/locations/location/{pk}/change/?tab=status",
    "/admin/locations/location/{pk}/change/?tab=partners",
    "/admin/locations/location/{pk}/change/?tab=history",
    "/admin/locations/location/{pk}/change/?tab=json",
    "/admin/locations/location/{pk}/edit/",
    "/admin/locations/location/upload/",
)


def counted(client: Client, url: str) -> int:
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(database) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_pages_ask_as_often_as_the_baseline_says_whatever_their_rows() -> None:
    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    own = factories.own_location(factories.location(country_code=ours.country_code, party_id=ours.party_id))
    partners_location(told.party, factories.small_location("LUND-0"))
    client = logged_in(User.objects.create_superuser("root"))
    few = {page: counted(client, page.format(pk=own.pk)) for page in PAGES}
    for number in range(1, 12):
        partners_location(told.party, factories.small_location(f"LUND-{number}"))
        factories.own_location(factories.small_location(f"OWN-{number}", str(ours)))
        User.objects.create_user(f"user-{number}", is_staff=True)
    many = {page: counted(client, page.format(pk=own.pk)) for page in PAGES}
    assert many == few, "a page asks once for each row"
    assert max(few.values()) <= MOST
    if os.environ.get("ROAMDESK_WRITE_QUERY_COUNTS"):
        BASELINE.write_text(json.dumps(few, indent=1) + "\n")
    assert few == json.loads(BASELINE.read_text())
