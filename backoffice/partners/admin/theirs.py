"""From a company to everything of it: the lists of all rooms, narrowed to it. Addresses only; each list counts for itself."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest

from backoffice.console.dashboard.parts import listing
from backoffice.partners.models import Connection, Party

_OF_PARTY = (
    # what, list, how it is narrowed, permission
    ("Locations", "locations_location_changelist", {"party": "{}"}, "locations.view_location"),
    ("Tariffs", "tariffs_tariff_changelist", {"party": "{}"}, "tariffs.view_tariff"),
    ("Tokens", "tokens_token_changelist", {"party": "{}"}, "tokens.view_token"),
    (
        "Sessions",
        "charging_sessions_session_changelist",
        {"state": "all", "party": "{}"},
        "charging_sessions.view_session",
    ),
    ("CDRs", "cdrs_cdr_changelist", {"tab": "all", "partner": "{}"}, "cdrs.view_cdr"),
    ("Bookable locations", "bookings_bookablelocation_changelist", {"party": "{}"}, "bookings.view_bookablelocation"),
)

_OF_CONNECTION = (
    ("Authorizations", "tokens_authorization_changelist", {"partner": "{}"}, "tokens.view_authorization"),
    ("Bookings", "bookings_booking_changelist", {"partner": "{}"}, "bookings.view_booking"),
    ("Commands", "commands_command_changelist", {"partner": "{}"}, "commands.view_command"),
    ("Message log", "delivery_exchange_changelist", {"connection": "{}"}, "delivery.view_exchange"),
    ("Outbox", "delivery_message_changelist", {"connection": "{}"}, "delivery.view_message"),
)

Links = list[tuple[str, list[tuple[str, str]]]]
"""Of whom: (what, address)."""


def of_parties(request: HttpRequest, parties: Iterable[Party]) -> Links:
    return [(party.label, _links(request, _OF_PARTY, party.pk)) for party in parties]


def of_connection(request: HttpRequest, connection: Connection, parties: Iterable[Party]) -> Links:
    """What goes over it, then party by party."""
    return [(f"Over {connection}", _links(request, _OF_CONNECTION, connection.pk)), *of_parties(request, parties)]


def _links(
    request: HttpRequest, table: Iterable[tuple[str, str, dict[str, str], str]], pk: int
) -> list[tuple[str, str]]:
    return [
        (what, url)
        for what, name, narrowed, permission in table
        if request.user.has_perm(permission)
        and (url := listing(name, **{key: value.format(pk) for key, value in narrowed.items()}))
    ]
