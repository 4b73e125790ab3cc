"""The partners' door of bookings: what they may read of ours and ask of us, and what CPOs tell our eMSPs (mod_bookings).

One endpoint serves two kinds of objects: Bookings, and BookingLocations with their Calendars as a part of it.
"""

from __future__ import annotations

from backoffice import statements
from backoffice.bookings.actions import arriving, hearing, receiving
from backoffice.bookings.models import PLACES, SHELF
from backoffice.bookings.models.bookings import READABLE
from backoffice.bookings.models.places import PARTS, WITHHELD, calendars_splice
from backoffice.bookings.rules.states import RECEIVER_ROLES, SENDER_ROLES
from backoffice.fields import DocumentField
from backoffice.roaming_site import site
from ocpi.module import (
    Answer,
    Call,
    CallArrival,
    Level,
    Module,
    OwnedObjects,
    Page,
    PageQuery,
    PartyRef,
    Peer,
    Refusal,
    Tree,
)
from ocpi.wire import bookings as wire
from ocpi.wire.envelope import StatusCode


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


# --- bookings --------------------------------------------------------------------------------------------------------


def page(peer: Peer, query: PageQuery) -> Page:
    return SHELF.page(peer, _senders(peer), query, also="d.ours")


def read_own(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    return _booking([owner] if owner else _senders(peer), ids[0], f"d.ours AND {READABLE}", peer)


def read_theirs(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _booking([owner], ids[0], "NOT d.ours AND d.emsp_id = ANY(%(ours)s::bigint[])", peer)


def _booking(parties: list[PartyRef], identity: str, visible: str, peer: Peer) -> Tree | None:
    rows = statements.run(
        f"""SELECT d.document FROM bookings_booking d
            WHERE d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s) AND {visible} ORDER BY d.id LIMIT 1""",
        {
            "parties": [party.id for party in parties],
            "id": identity,
            "theirs": [party.id for party in peer.theirs],
            "ours": [party.id for party in peer.ours],
        },
    )
    if not rows:
        return None
    tree: Tree = DocumentField.read(rows[0][0])
    return tree


def receive(arrival: CallArrival) -> Answer:
    """A BookingRequest. The answer is the Booking, whatever became of the request, which its message says."""
    assert isinstance(arrival.value, wire.BookingRequest) and arrival.tree is not None
    peer = arrival.peer
    emsps = [party for party in peer.theirs if party.roles & RECEIVER_ROLES]
    cpos = [party for party in _senders(peer) if arrival.receiver is None or party == arrival.receiver]
    try:
        answered = receiving.receive(
            receiving.Request(
                emsps={party.key: party.id for party in emsps},
                cpos=[party.id for party in cpos],
                tree=arrival.tree,
                value=arrival.value,
                now=arrival.now,
                connection=peer.connection,
                asked_by=peer.name,
                correlation_id=arrival.correlation_id,
            )
        )
    except receiving.NowhereToBook as error:
        raise Refusal(str(error), ocpi=StatusCode.UNKNOWN_LOCATION) from error
    except receiving.UnableToTake as error:
        raise Refusal(str(error), ocpi=StatusCode.INVALID_PARAMETERS) from error
    booking = answered.booking
    return Answer(
        booking.tree(),
        wire.Booking,
        message=answered.sentence or None,
        object_path=f"{booking.party}/{booking.object_id}",
    )


site.register(
    Module(
        "bookings",
        OwnedObjects(
            levels=(Level("booking_id", "id", wire.Booking),),
            page=page,
            read_own=read_own,
            read_theirs=read_theirs,
            put=arriving.put,
            patch=arriving.patch,
            store_page=arriving.store_page,
            vanish=arriving.vanish,
            calls=(Call("POST", "", wire.BookingRequest, receive, answers=wire.Booking, atomic=True),),
            delivered=hearing.delivered,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
    )
)


# --- what can be booked ----------------------------------------------------------------------------------------------

_OPEN = """EXISTS (SELECT 1 FROM bookings_opening o JOIN bookings_calendar c ON c.id = o.calendar_id AND c.listed
    WHERE o.place_id = d.id AND o.ends_at > coalesce(%(between_from)s, '-infinity'::timestamptz)
      AND o.starts_at < coalesce(%(between_to)s, 'infinity'::timestamptz))"""
"""Whether a place has a timeslot that reaches into the times that are asked for."""


def places(peer: Peer, query: PageQuery) -> Page:
    also = f"d.ours AND {_OPEN}" if any(query.between) else "d.ours"
    return PLACES.page(peer, _senders(peer), query, also=also)


def own_place(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    """One that is withdrawn is in no list any more; whoever was told of it is told that nothing of it is free."""
    return _place([owner] if owner else _senders(peer), ids, f"d.ours AND NOT ({WITHHELD})", peer)


def their_place(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _place([owner], ids, "NOT d.ours AND d.withdrawn_at IS NULL", peer)


def _place(parties: list[PartyRef], ids: tuple[str, ...], visible: str, peer: Peer) -> Tree | None:
    given = {"parties": [party.id for party in parties], "id": ids[0], "connection": peer.connection}
    wanted = f"d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s) AND {visible}"
    if len(ids) == 1:
        read = f"SELECT {PARTS} FROM bookings_bookablelocation d WHERE {wanted} ORDER BY d.id LIMIT 1"
        rows = [(b"".join(calendars_splice(*row)),) for row in statements.run(read, given)]
    else:
        read = f"""SELECT c.document FROM bookings_bookablelocation d JOIN bookings_calendar c ON c.place_id = d.id AND c.listed
                   WHERE {wanted} AND upper(c.object_id) = upper(%(calendar)s) ORDER BY d.id LIMIT 1"""
        rows = statements.run(read, given | {"calendar": ids[1]})
    if not rows:
        return None
    tree: Tree = DocumentField.read(rows[0][0])
    return tree


site.register(
    Module(
        "booking_locations",
        OwnedObjects(
            levels=(
                Level("booking_location_id", "id", wire.BookingLocation),
                Level("calendar_id", "id", wire.Calendar),
            ),
            page=places,
            read_own=own_place,
            read_theirs=their_place,
            put=arriving.put_place,
            patch=arriving.patch_place,
            store_page=arriving.store_places_page,
            vanish=arriving.vanish_places,
            serves_one=True,
            between=("timeslot_from", "timeslot_to"),
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
        part_of="bookings",
    )
)
