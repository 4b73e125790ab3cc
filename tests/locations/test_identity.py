"""Identifiers, once issued, stay: whatever a form says, and whatever an EVSE has become since."""

from __future__ import annotations

import pytest
from django.test import Client

from backoffice.locations.actions import changing
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from tests import factories
from tests.locations.cast import PAGES, partners_location
from tests.locations.test_admin_forms import posted_by, shown

pytestmark = pytest.mark.django_db


@pytest.mark.rule("T-217")
def test_no_form_changes_the_id_of_a_location_or_the_uid_of_an_evse(harbour: Location, operations: Client) -> None:
    evse = harbour.evses.get(uid="E-100")
    for url, forged in (
        (f"{PAGES}{harbour.pk}/edit/", {"id": "OTHER"}),
        (f"{PAGES}{harbour.pk}/evse/{evse.pk}/", {"uid": "E-999"}),
    ):
        data = shown(operations, url)
        draft = wire_json.parse(data["@draft"].encode())
        assert isinstance(draft, dict)
        operations.post(url, data | forged | {"@draft": wire_json.encode(draft | forged).decode()})
    tree = harbour.tree()
    assert (tree["id"], [evse["uid"] for evse in tree["evses"]]) == ("HARBOUR-7", ["E-100", "E-200"])
    assert (Location.objects.count(), Evse.objects.count()) == (1, 2)


@pytest.mark.rule("T-222")
@pytest.mark.parametrize("where", ["here", "at another location", "at another location, removed"])
def test_a_uid_is_used_once_by_a_cpo(where: str, harbour: Location, ours: Party, operations: Client) -> None:
    known = harbour
    if where != "here":
        tree = factories.small_location("L2", str(ours))
        tree["evses"][0]["uid"] = "E-555"
        known = factories.own_location(tree)
    uid = known.evses.order_by("position").values_list("uid", flat=True)[0]
    if "removed" in where:
        changing.set_status(known, uid, "REMOVED", source="staff", now=site.now())
    url = f"{PAGES}{harbour.pk}/evse/add/"
    filled = {
        "connectors.0.standard": "IEC_62196_T2",
        "connectors.0.format": "SOCKET",
        "connectors.0.power_type": "AC_3_PHASE",
        "connectors.0.max_voltage": "230",
        "connectors.0.max_amperage": "16",
    }
    form = posted_by(operations.get(url).context["form"]) | filled
    answer = operations.post(url, form | {"uid": uid.lower()})
    assert answer.status_code == 422
    assert "never used again" in answer.content.decode()
    assert operations.post(url, form | {"uid": "E-NEW"}).status_code == 302
    assert harbour.evses.filter(uid="E-NEW").count() == 1


def test_another_cpo_may_use_the_same_uid(harbour: Location, theirs: Location) -> None:
    """Uniqueness is a matter of one CPO's platform; partners choose theirs as they like."""
    changed = factories.small_location("L9", "SE-ELV")
    changed["evses"][0]["uid"] = "E-100"
    party = Party.objects.get(country_code="SE", party_id="ELV")
    assert partners_location(party, changed).evses.get().uid == "E-100"
