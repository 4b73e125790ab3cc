"""What the chapter's own examples of bookings do wrong; partners copied from them."""

from typing import Any

from ocpi.versions.repairs.repair import ObjectRepair
from ocpi.versions.version import Context, Node, without
from ocpi.wire.base import Wire
from ocpi.wire.bookings import Booking, BookingRequest, BookingTerms

TERMS: dict[str, Any] = {"supported_access_methods": ["TOKEN"], "change_until_minutes": 0, "cancel_until_minutes": 0}
"""What a booking without a word on it is: opened by its token, to be changed and cancelled until it begins."""

_ASKER = ("country_code", "party_id")


def _says_nothing(value: Any) -> bool:
    return value is None or (type(value) is list and all(type(each) is str and not each.strip() for each in value))


def _open_terms(node: Node) -> dict[str, Any]:
    return {name: value for name, value in TERMS.items() if _says_nothing(node.get(name))}


def _asked(node: Node) -> list[Any]:
    requests = node.get("booking_requests")
    return requests if type(requests) is list else []


def _lacks_asker(entry: Any) -> bool:
    request = entry.get("booking_request") if type(entry) is dict else None
    return type(request) is dict and any(request.get(name) is None for name in _ASKER)


def _knows_asker(node: Node, cls: type[Wire], context: Context) -> bool:
    return any(_lacks_asker(entry) for entry in _asked(node)) and _asker(node) is not None


def _asker(node: Node) -> dict[str, str] | None:
    """The party of the first token, who can only be the asker's; else the Booking's own, for want of another."""
    tokens = node.get("booking_tokens")
    first = tokens[0] if type(tokens) is list and tokens and type(tokens[0]) is dict else node
    codes = {name: first.get(name) for name in _ASKER}
    return codes if all(type(code) is str for code in codes.values()) else None  # type: ignore[return-value]


def _with_asker(node: Node, cls: type[Wire], context: Context) -> Node:
    codes = _asker(node) or {}
    return {
        **node,
        "booking_requests": [
            {**entry, "booking_request": {**entry["booking_request"], **codes}} if _lacks_asker(entry) else entry
            for entry in _asked(node)
        ],
    }


REPAIRS: tuple[ObjectRepair, ...] = (
    *(
        ObjectRepair(
            f"accept_empty_parking_option_of_{cls.__name__.lower()}",
            cls,
            applies=lambda node, cls, context: node.get("bookable_parking_option") == {},
            fix=lambda node, cls, context: without(node, "bookable_parking_option"),
            sentence=f"A bookable_parking_option of a {cls.__name__} that says nothing is left out.",
        )
        for cls in (Booking, BookingRequest)
    ),
    ObjectRepair(
        "accept_missing_booking_terms",
        BookingTerms,
        applies=lambda node, cls, context: bool(_open_terms(node)),
        fix=lambda node, cls, context: {**node, **_open_terms(node)},
        sentence="BookingTerms that name no way in or no deadline: the token opens, and changes are free until the start.",
        fills=tuple(TERMS),
    ),
    ObjectRepair(
        "accept_missing_requester",
        Booking,
        applies=_knows_asker,
        fix=_with_asker,
        sentence="A request inside a Booking that does not name who asks is of the party of the Booking's token, else of"
        " the Booking's.",
    ),
)
