"""Fixtures of the tokens tests. Models are imported when a fixture runs: pytest may load this file before the settings."""

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
    """SE-ELV, CPO and eMSP, beside our DE-RDK."""
    from tests import factories

    return factories.partner()


@pytest.fixture
def asking(partner: Partner) -> Asking:
    from tests.doors.asking import Asking

    asking = Asking(partner.token)
    asking.get("versions")  # the first use of a token is noted; that is no change by the request tested
    return asking
