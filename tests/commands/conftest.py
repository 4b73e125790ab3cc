"""The cast of the session tests, and a partner whose commands we take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sessions.conftest import asking, partner, stranger, us

if TYPE_CHECKING:
    from backoffice.locations.models import Evse
    from backoffice.partners.models import Party
    from tests.doors.asking import Asking
    from tests.factories import Partner

from tests.meeting import peer, platform, reachable

__all__ = ["asking", "partner", "peer", "platform", "reachable", "stranger", "us"]


@pytest.fixture
def evse(us: Party) -> Evse:
    """DE*RDK*E1 at LOC1, which can do everything and is driven."""
    from tests.commands import cast

    return cast.point()


@pytest.fixture
def other(stranger: Partner) -> Asking:
    """NO-FJO at our doors."""
    from tests.doors.asking import Asking

    return Asking(stranger.token)
