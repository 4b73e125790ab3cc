"""Make a location bookable, change it while there are bookings, keep slots out, end it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.bookings.actions import publishing
from backoffice.bookings.actions.publishing import Offer, UnableToPublish
from backoffice.bookings.models import Calendar, Claim, Resource, SlotUse
from backoffice.delivery.models import Message
from backoffice.locations.models import Evse
from tests.bookings.places import (
    NOW,
    TERMS,
    alike,
    ask,
    asked,
    at,
    calendar,
    canceled,
    one_evse,
    premises,
    slot,
    token,
    used,
)
from tests.bookings.test_doors import SENDER
from tests.doors.asking import Asking
from tests.factories import Partner

pytestmark = pytest.mark.django_db

FREE = [TERMS | {"overlapping_bookings_allowed": True}]


def test_an_evse_is_offered_once(partner: Partner) -> None:
    location = premises(evses=2)
    one_evse(location, "P1")
    with pytest.raises(UnableToPublish, match="can be booked elsewhere"):
        alike(location, "P2")
    with pytest.raises(UnableToPublish, match="Offer one EVSE, or spaces"):
        publishing.publish(Offer(location=location, object_id="P3"), by="ann", now=NOW)
    other = premises("LOC2")
    with pytest.raises(UnableToPublish, match="does not stand at"):
        one_evse(location, "P4", evse=Evse.objects.get(location=other))
    with pytest.raises(UnableToPublish, match="No EVSE"):
        alike(location, "P5", spaces={0: []})
    for wrong, sentence in (
        (calendar(step=0), "between a minute and a day"),
        (calendar(available_timeslots=[]), "available_timeslots"),
        (calendar(available_timeslots=[slot(at(10), at(9))]), "end after it begins"),
        (calendar(days=0, available_timeslots=[slot(at(1), at(2))]), "end after it begins"),
    ):
        with pytest.raises(UnableToPublish, match=sentence):
            publishing.set_calendar(location.bookable.get().pk, wrong, by="ann", now=NOW)
    assert Calendar.objects.count() == 1


def test_spaces_come_and_go_around_bookings(partner: Partner) -> None:
    location = premises(evses=3)
    place = alike(location, terms=FREE)
    for number in range(2):
        assert ask(partner, asked(f"R{number}")).booking.status == "RESERVED"
    e1, e2, e3 = Evse.objects.filter(location=location).order_by("pk").values_list("pk", flat=True)
    alike(location, spaces={0: [e1, e2]}, terms=FREE)
    with pytest.raises(UnableToPublish, match="More is booked than there would be"):
        alike(location, spaces={0: [e1]}, terms=FREE)
    assert (Resource.objects.get().capacity, used(place)[at(10)]) == (2, 2)
    assert ask(partner, asked("R9")).booking.status == "REJECTED"
    alike(location, spaces={0: [e1, e2, e3]}, terms=FREE)
    assert ask(partner, asked("R10")).booking.status == "RESERVED"
    # finer steps: what is kept is counted in other units
    publishing.set_calendar(place.pk, calendar(step=10), by="ann", now=NOW)
    assert Resource.objects.get().unit == 5
    assert len(used(place)) == 12
    assert set(used(place).values()) == {3}


def test_slots_are_kept_out(partner: Partner) -> None:
    location = premises(evses=2)
    place = alike(location, terms=FREE)
    resource = Resource.objects.get()
    both = publishing.block(
        resource_id=resource.pk, starts_at=at(10), ends_at=at(12), reason="works", by="ann", now=NOW, spaces=2
    )
    assert place.tree()["calendars"][0]["available_timeslots"][0] == slot(at(0), at(10))
    assert ask(partner, asked("R1")).booking.status == "REJECTED"
    assert ask(partner, asked("R2", at(12), at(13))).booking.status == "RESERVED"
    publishing.unblock(both.pk, by="ann", now=NOW)
    assert ask(partner, asked("R3")).booking.status == "RESERVED"
    given = {"resource_id": resource.pk, "starts_at": at(10), "ends_at": at(11), "reason": "x", "by": "ann", "now": NOW}
    with pytest.raises(UnableToPublish, match="Everything is booked then"):
        publishing.block(**given, spaces=2)
    e1 = Evse.objects.filter(location=location).order_by("pk")[0]
    publishing.block(**given, evse_id=e1.pk)
    with pytest.raises(UnableToPublish, match=r"has this EVSE then|Everything is booked"):
        publishing.block(**given, evse_id=e1.pk)
    with pytest.raises(UnableToPublish, match="end after it starts"):
        publishing.block(**given | {"ends_at": at(10)})
    assert Claim.objects.filter(block__isnull=False).count() == 1


def test_partners_hear_of_it_unless_they_must_not(partner: Partner) -> None:
    Message.objects.all().delete()
    place = one_evse(premises("LOC9"), "P9", shared=False)
    assert not Message.objects.filter(module="booking_locations").exists()
    place = one_evse(place.premises, "P9", shared=True)
    assert Message.objects.get(module="booking_locations").object_path == "P9"
    Message.objects.update(state="DONE")
    ask(partner, asked("R1", location_id="LOC9", tokens=[token("T1")]))
    paths = Message.objects.filter(module="booking_locations", state="DUE").values_list("object_path", flat=True)
    assert list(paths) == ["P9/C1"]
    publishing.withdraw(place.pk, by="ann", now=NOW)
    paths = Message.objects.filter(module="booking_locations", state="DUE").values_list("object_path", flat=True)
    assert list(paths) == ["P9"], "once more, and without calendars"
    asking = Asking(partner.token)
    assert "calendars" not in asking.get(f"{SENDER}/booking_locations/P9").data
    assert asking.get(f"{SENDER}/booking_locations/P9/C1").says == (404, 2001)
    assert asking.get(f"{SENDER}/booking_locations").data == []
    # what is let go of there is not offered again
    ask(partner, asked("R1", location_id="LOC9", tokens=[token("T1")], canceled=canceled()))
    assert "calendars" not in place.tree()
    with pytest.raises(UnableToPublish, match="withdrawn already"):
        publishing.withdraw(place.pk, by="ann", now=NOW)
    place = one_evse(place.premises, "P9", options=[], now=NOW + timedelta(days=1))
    assert place.withdrawn_at is None
    assert len(place.tree()["calendars"]) == 1
    publishing.remove_calendar(Calendar.objects.get().pk, by="ann", now=NOW)
    assert "calendars" not in place.tree()
    publishing.set_power(place.premises_id, watts=22_000, by="ann", now=NOW)
    publishing.set_power(place.premises_id, watts=None, by="ann", now=NOW)
    assert not SlotUse.objects.filter(used__gt=0).exists()
