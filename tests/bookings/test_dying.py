"""A process that dies between deciding and committing has kept nothing for anybody; who asks again gets what is there."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.bookings.actions import receiving
from backoffice.bookings.models import Booking, BookingAsked, Claim, SlotUse
from backoffice.delivery.models import Message
from tests.bookings.places import ask, asked, at, one_evse, premises
from tests.factories import Partner

pytestmark = pytest.mark.django_db


class Death(BaseException):
    """As by kill -9: nobody catches it."""


def die(name: str) -> None:
    assert name == "booking-taken-before-commit"
    raise Death


def test_nothing_is_kept_by_the_dead(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    one_evse(premises())
    Message.objects.all().delete()

    def left() -> list[Any]:
        return [model.objects.count() for model in (Booking, BookingAsked, Claim, SlotUse, Message)]

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "crash_point", die)
        with pytest.raises(Death):
            ask(partner, asked())
    assert left() == [0, 0, 0, 0, 0]
    assert ask(partner, asked()).booking.status == "RESERVED"
    before = left()
    with monkeypatch.context() as patch:
        patch.setattr(receiving, "crash_point", die)
        with pytest.raises(Death):
            ask(partner, asked(start=at(12), end=at(13)))
    assert left() == before
    assert ask(partner, asked()).booking.starts_at == at(10)
    assert ask(partner, asked(start=at(12), end=at(13))).booking.starts_at == at(12)
