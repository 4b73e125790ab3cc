"""The cast: our company DE-RDK, the partner SE-ELV (CPO and eMSP), and a stranger, NO-FJO, on a connection of its own.

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

    return factories.partner(receives=["sessions", "cdrs"])


@pytest.fixture
def stranger(us: Party) -> Partner:
    from tests import factories

    return factories.partner("NO-FJO:CPO", "NO-FJO:EMSP", receives=["sessions"])


@pytest.fixture
def asking(partner: Partner) -> Asking:
    from tests.doors.asking import Asking

    asking = Asking(partner.token)
    asking.get("versions")  # the first use of a token is noted; that is no change by the request tested
    return asking
