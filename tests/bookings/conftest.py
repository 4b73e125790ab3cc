"""The cast of the bookings tests: our company DE-RDK, CPO and eMSP, and the partner SE-ELV at our doors.

Rows are imported inside the fixtures: pytest loads this file before Django is set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.meeting import peer, platform, reachable

if TYPE_CHECKING:
    from tests.doors.asking import Asking
    from tests.factories import Partner

__all__ = ["peer", "platform", "reachable"]


@pytest.fixture
def partner(db: None) -> Partner:
    from tests import factories

    return factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", receives=("bookings",))


@pytest.fixture
def asking(partner: Partner) -> Asking:
    from tests.doors.asking import Asking

    return Asking(partner.token)
