"""What became of a request of ours: the CPO answered with the Booking, or without one, or nobody knows."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from backoffice.bookings.actions import telling
from backoffice.bookings.actions.requesting import ANSWER_WITHIN
from backoffice.bookings.actions.writing import MODULE, note
from backoffice.bookings.models import Booking, BookingAsked
from backoffice.bookings.rules.states import Way
from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Errand, Pull, PullState
from backoffice.documents.fates import Fate, ordered_at
from backoffice.fields import milliseconds
from backoffice.partners.rules import ConnectionState
from ocpi.client import Cause
from ocpi.module import Reply
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import ReservationRequestStatus

PATIENCE = timedelta(minutes=10)
"""Before it is said of a request that nobody took it."""

SAID_NO = frozenset(
    {
        Cause.OCPI_2XXX,
        Cause.HTTP_4XX,
        Cause.NOT_FOUND,
        Cause.NOT_SUPPORTED,
        Cause.UNAUTHORIZED,
        Cause.HUB_UNKNOWN_RECEIVER,
    }
)
"""What a CPO that understood us, or could not, says: there is no booking."""


def delivered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    """Runs in the transaction that ends the errand, once."""
    asked = BookingAsked.objects.select_for_update(no_key=True).filter(uid=key).first()
    if asked is None or asked.way not in (Way.QUEUED.value, Way.UNSURE.value):
        return  # a push of the booking overtook the answer
    if isinstance(reply.value, wire.Booking) and reply.tree is not None:
        problem = _told(asked, reply, now)
        if not problem:
            return
        reply = Reply(problem=problem, cause=Cause.OCPI_2XXX.value)
    if not reply.sent:
        _over(asked, Way.LOST, ReservationRequestStatus.FAILED, reply.problem, now)
    elif reply.cause in SAID_NO:
        _over(asked, Way.REFUSED, ReservationRequestStatus.DECLINED, reply.problem, now)
        if Errand.objects.filter(module=MODULE, key=key, attempts__gt=1).exists():
            _look(asked, now)  # a CPO may refuse what it has taken when it came before
    else:
        asked.way, asked.reason = Way.UNSURE.value, (reply.problem or "Nobody answered.")[:512]
        asked.save(update_fields=["way", "reason"])
        note(asked.booking, "UNSURE", now=now, asked=asked, reason=asked.reason)
        _look(asked, now)


def _told(asked: BookingAsked, reply: Reply, now: datetime) -> str:
    """Store the Booking that the answer holds. Why it cannot be, if so."""
    value, tree = reply.value, reply.tree
    assert isinstance(value, wire.Booking) and tree is not None
    if value.request_id.upper() != asked.request_id.upper():
        return f"The CPO answered with a booking for {value.request_id}."
    cpo = asked.cpo
    if (value.country_code.upper(), value.party_id.upper()) != (cpo.country_code, cpo.party_id):
        return f"The CPO answered with a booking of {value.country_code}-{value.party_id}."
    booking = (
        Booking.objects.select_for_update(no_key=True).filter(party=cpo, object_id__iexact=value.id, ours=False).first()
    )
    other = Booking.objects.filter(party=cpo, emsp=asked.emsp, request_id__iexact=value.request_id)
    if other.exclude(pk=booking.pk if booking else 0).exists() or (booking and booking.emsp_id != asked.emsp_id):
        return "The CPO answered with the booking of another request."
    at = milliseconds(ordered_at(value.last_updated, now))
    if booking is not None and (at < booking.last_updated or telling.why_not(booking, value)):
        # a push that was faster told more than this answer does
        asked.booking, asked.way = booking, Way.SAID.value
        asked.save(update_fields=["booking", "way"])
        return ""
    fate = telling.write(
        booking,
        tree,
        value,
        cpo=cpo.pk,
        emsp=asked.emsp_id,
        connection=asked.connection_id,
        at=at,
        by=str(cpo),
        now=now,
    )
    asked.refresh_from_db()
    if asked.way != Way.SAID.value:  # the CPO lists no such request, but it answered this one
        stored = Booking.objects.get(party=cpo, object_id__iexact=value.id)
        asked.booking, asked.way = stored, Way.SAID.value
        last = value.booking_requests[-1].request_status
        asked.status = last.value
        asked.decided_at = None if last is ReservationRequestStatus.PENDING else now
        asked.save(update_fields=["booking", "way", "status", "decided_at"])
    assert fate is not Fate.STALE
    return ""


def _over(asked: BookingAsked, way: Way, status: ReservationRequestStatus, reason: str, now: datetime) -> None:
    """There is no such booking, or it stays as it was."""
    asked.way, asked.status, asked.reason, asked.decided_at = way.value, status.value, reason[:512], now
    asked.save(update_fields=["way", "status", "reason", "decided_at"])
    note(asked.booking, status.value, now=now, asked=asked, reason=reason)


def _look(asked: BookingAsked, now: datetime) -> None:
    """The CPO's list says whether there is a booking."""
    try:
        assert asked.connection is not None
        pulling.start(asked.connection, MODULE, full=False, now=now)
    except pulling.UnableToPull:
        return  # it comes with the next pull, or the CPO's push


def give_up(*, now: datetime) -> int:
    """What nobody answered, and the CPO's list, asked for since, does not have, was never taken. Where no list can be had, for
    the connection is gone or the CPO stays away until the time that was asked for is over, nobody will ever know, and that is
    what is said. Should the CPO tell of the booking all the same, it is believed. Returns how many."""
    with transaction.atomic():
        return _give_up(now)


def _give_up(now: datetime) -> int:
    unsure = BookingAsked.objects.filter(way=Way.UNSURE.value, received_at__lt=now - PATIENCE).select_related(
        "booking", "connection"
    )
    count = 0
    for asked in unsure.select_for_update(of=("self",), no_key=True).order_by("pk"):
        since = asked.received_at + ANSWER_WITHIN
        read = Pull.objects.filter(
            connection=asked.connection_id, module=MODULE, state=PullState.DONE, started_at__gt=since
        )
        reason = "The CPO's list does not have it." if read.exists() else _hopeless(asked, now)
        if reason:
            _over(asked, Way.LOST, ReservationRequestStatus.FAILED, reason, now)
            count += 1
    return count


def _hopeless(asked: BookingAsked, now: datetime) -> str:
    connection = asked.connection
    if connection is None or connection.state == ConnectionState.REMOVED:
        return "Nobody answered, and the connection is closed: ask the CPO whether it took the request."
    asks = wire_json.validate(wire.BookingRequest, asked.tree())
    if asks.period.end_before <= now:
        return "Nobody answered until the time was over that was asked for."
    return ""
