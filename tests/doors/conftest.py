"""The cast at our doors: our company DE-RDK, the partner SE-ELV, and a stranger, NO-FJO, on a connection of its own.

Rows are imported inside the fixtures: pytest loads this file before Django is set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.meeting import peer, platform, reachable

if TYPE_CHECKING:
    from backoffice.partners.models import Party
    from tests.doors.asking import Asking
    from tests.factories import Partner

__all__ = ["peer", "platform", "reachable"]


@pytest.fixture
def us(db: None) -> Party:
    from tests import factories

    return factories.own_party()


@pytest.fixture
def partner(us: Party) -> Partner:
    from tests import factories

    return in_touch(factories.partner())


@pytest.fixture
def stranger(us: Party) -> Partner:
    from tests import factories

    return in_touch(factories.partner("NO-FJO:CPO", "NO-FJO:EMSP"))


def in_touch(partner: Partner) -> Partner:
    """The first use of a token is noted, which would count as a change by the request that is tested."""
    from tests.doors.asking import Asking

    assert Asking(partner.token).get("versions").status == 200
    return partner


@pytest.fixture
def asking(partner: Partner) -> Asking:
    from tests.doors.asking import Asking

    return Asking(partner.token)


@pytest.fixture
def stored(asking: Asking) -> Asking:
    """The partner, who has pushed HARBOUR-7."""
    from tests import factories

    answered = asking.put("2.3.0/receiver/locations/SE/ELV/HARBOUR-7", factories.location())
    assert answered.says == (201, 1000), answered.body
    return asking
