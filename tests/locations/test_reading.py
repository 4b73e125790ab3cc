"""How a Location that leaves something unsaid is read: the defaults of the specification."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from backoffice.partners.models import Party
from tests import factories
from tests.locations.cast import PAGES, partners_location

pytestmark = pytest.mark.django_db


@pytest.mark.rule("T-220")
@pytest.mark.parametrize(
    ("told", "closed"),
    [
        ({}, False),
        ({"charging_when_closed": None}, False),
        ({"charging_when_closed": True}, False),
        ({"charging_when_closed": False}, True),
    ],
)
def test_charging_goes_on_when_closed_unless_it_is_said_not_to(
    told: dict[str, Any], closed: bool, ours: Party, operations: Client
) -> None:
    tree = factories.small_location("L1", str(ours), opening_times={"twentyfourseven": True}, **told)
    page = operations.get(f"{PAGES}{factories.own_location(tree).pk}/change/").content.decode()
    assert ("No charging when closed." in page) is closed


@pytest.mark.rule("T-219")
def test_without_an_operator_the_credentials_tell_it(ours: Party, operations: Client) -> None:
    told = factories.partner("SE-ELV:CPO", ours=[ours]).party
    silent = partners_location(told, factories.small_location("L1", "SE-ELV"))
    named = partners_location(told, factories.small_location("L2", "SE-ELV", operator={"name": "Nordvind"}))
    page = operations.get(f"{PAGES}{silent.pk}/change/")
    assert page.context["businesses"] == [("Operator, by their credentials", {"name": "SE-ELV company"})]
    assert "SE-ELV company" in page.content.decode()
    assert operations.get(f"{PAGES}{named.pk}/change/").context["businesses"] == [("Operator", {"name": "Nordvind"})]
