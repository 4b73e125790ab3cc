"""Make some places of a company of the demo bookable, with calendars from today on: done anew at each start, for days go by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from backoffice.bookings.actions import publishing
from backoffice.bookings.models import BookableLocation
from backoffice.bookings.models.places import Decides
from backoffice.demo.rules.booking import STEP, TERMS
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.tariffs.actions.storing import store as store_tariffs
from ocpi.wire import json as wire_json
from ocpi.wire import tariffs as wire_tariffs
from ocpi.wire.base import date_time_text
from ocpi.wire.locations import Status

Tree = dict[str, Any]

SITES = 4
"""One of them by the EVSE, one where staff decide, the others by the kind of space."""

OPEN_FOR = timedelta(days=14)
RENEWED_BEFORE = timedelta(days=7)

TARIFF = "BOOKED"


def open_places(party: Party, *, now: datetime) -> list[str]:
    """Returns the ids of the places that were opened; none where they are open for long enough."""
    with transaction.atomic():
        party = Party.objects.select_for_update(no_key=True).get(pk=party.pk)
        known = BookableLocation.objects.filter(party=party, calendars__ends_at__gt=now + RENEWED_BEFORE)
        if known.exists():
            return []
        sites = _sites(party)
        if not sites:
            return []
        price(party, _currency(sites[0]), now)
        return [_offer(party, site, number, now).object_id for number, site in enumerate(sites)]


def _sites(party: Party) -> Sequence[Location]:
    """Public ones with several chargers of one kind that work; where some are bookable already, those."""
    usable = Q(evses__listed=True) & ~Q(evses__status__in=[Status.PLANNED.value, Status.REMOVED.value])
    rows = Location.objects.filter(party=party, shared=True, publish=True).annotate(
        points=Count("evses", filter=usable)
    )
    return list(rows.filter(points__gte=3).select_related("party").order_by("object_id")[:SITES])


def _offer(party: Party, site: Location, number: int, now: datetime) -> BookableLocation:
    points = list(Evse.objects.filter(location=site, listed=True).order_by("position", "pk"))
    points = [evse for evse in points if evse.status not in (Status.PLANNED.value, Status.REMOVED.value)]
    alone = number == 0
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    calendar = {
        "id": f"{day:%Y%m%d}",
        "begin_from": date_time_text(day),
        "end_before": date_time_text(day + OPEN_FOR),
        "step_size": STEP // timedelta(minutes=1),
        "available_timeslots": [
            {
                "start_from": date_time_text(day),
                "end_before": date_time_text(day + OPEN_FOR),
                "green_energy_support": True,
            }
        ],
    }
    kind: Tree = {
        "vehicle_types": ["PERSONAL_VEHICLE"],
        "format": DocumentField.read(points[0].document)["connectors"][0]["format"],
        "restricted_to_type": False,
    }
    return publishing.publish(
        publishing.Offer(
            location=site,
            object_id=f"{site.object_id}-B",
            evse=points[0] if alone else None,
            options=[] if alone else [kind],
            spaces={} if alone else {0: [evse.pk for evse in points[:3]]},
            terms=[TERMS],
            tariff_ids=[f"{party.party_id}-{TARIFF}-{_currency(site)}"],
            calendars=[calendar],
            decides=Decides.STAFF if number == SITES - 1 else Decides.ITSELF,
            shortest=5,
            longest=60,
        ),
        by="demo",
        now=now,
    )


def _currency(site: Location) -> str:
    """That of the tariffs at its connectors, which end in it."""
    evse = Evse.objects.filter(location=site, listed=True).order_by("position", "pk").first()
    assert evse is not None
    names = DocumentField.read(evse.document)["connectors"][0].get("tariff_ids") or ["EUR"]
    return str(names[0]).rsplit("-", 1)[-1]


def price(party: Party, currency: str, now: datetime) -> None:
    """Booking costs a little, not to come more, and to stay too long most."""

    def element(kind: str, price: str, step: int, reservation: str = "") -> Tree:
        component = {"type": kind, "price": Decimal(price), "vat": 19, "step_size": step}
        return {"price_components": [component]} | (
            {"restrictions": {"reservation": reservation}} if reservation else {}
        )

    tree: Tree = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": f"{party.party_id}-{TARIFF}-{currency}",
        "currency": currency,
        "elements": [
            element("FLAT", "1.00", 1, "RESERVATION"),
            element("FLAT", "4.00", 1, "RESERVATION_EXPIRES"),
            element("FLAT", "0.50", 1, "RESERVATION_CANCELLATION_FEES"),
            element("TIME", "12.00", 60, "RESERVATION_OVERTIME"),
            element("ENERGY", "0.55", 1),
        ],
        "tax_included": "NO",
        "last_updated": date_time_text(now),
    }
    store_tariffs(
        party.pk, [(tree, wire_json.validate(wire_tariffs.Tariff, tree))], source="import", now=now, ours=True
    )
