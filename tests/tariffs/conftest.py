"""Fixtures of the tariffs doors. Models are imported when a fixture runs: pytest may load this file before the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.meeting import peer, platform, reachable

if TYPE_CHECKING:
    from django.test import Client

    from backoffice.partners.models import Party

__all__ = ["peer", "platform", "reachable"]


@pytest.fixture
def ours(db: None) -> Party:
    from tests import factories

    return factories.own_party()


@pytest.fixture
def manager(db: None) -> Client:
    """Of the group Tariffs."""
    from tests.locations.cast import logged_in, staff

    return logged_in(staff("tara", "Tariffs"))
