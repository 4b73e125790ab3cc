"""Fixtures of the locations door. Models are imported when a fixture runs: pytest may load this file before the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from backoffice.locations.models import Location
    from backoffice.partners.models import Party


@pytest.fixture
def operations(db: None) -> Client:
    from tests.locations.cast import logged_in, staff

    return logged_in(staff("olga", "Operations"))


@pytest.fixture
def ours(db: None) -> Party:
    from tests import factories

    return factories.own_party()


@pytest.fixture
def harbour(ours: Party) -> Location:
    """HARBOUR-7 as a location of ours: every field of every class."""
    from tests import factories

    return factories.own_location(factories.location(country_code=ours.country_code, party_id=ours.party_id))


@pytest.fixture
def theirs(ours: Party) -> Location:
    """A location that a partner told us of."""
    from tests import factories
    from tests.locations.cast import partners_location

    told = factories.partner(ours=[ours], receives=["locations"])
    return partners_location(told.party, factories.small_location("LUND-1"))
