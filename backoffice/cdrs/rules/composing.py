"""Make a CDR of a finished session: its periods, its place, token and tariff as they were when it began, and what it costs.

The periods are those of the Session, so both cost the same to the last digit. Everything here is a value; where the parts come
from, and whether the result may leave, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

from backoffice.sessions.rules.cost import as_price
from backoffice.sessions.rules.metering import for_cdr
from backoffice.tariffs.rules import Breakdown, CompiledTariff, price
from backoffice.tariffs.rules.exact import decimal
from backoffice.tariffs.rules.policy import Outcome
from backoffice.tariffs.rules.verify import COST_FIELDS
from ocpi.wire.base import date_time_text
from ocpi.wire.cdrs import CdrDimensionType, ChargingPeriod
from ocpi.wire.sessions import Session

Tree = dict[str, Any]

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Composed:
    """A whole CDR, and the price that is in it. `breakdown` None: nothing priced it."""

    tree: Tree
    breakdown: Breakdown | None

    @property
    def cost_is_unknown(self) -> bool:
        """The tariff tells only what is with taxes, and no rate: its total_cost cannot be told."""
        return self.breakdown is not None and self.breakdown.total.excl is None


def compose(
    session: Session,
    *,
    identity: str,
    location: Tree,
    tariff: CompiledTariff | None,
    embedded: Sequence[Tree],
    zone: tzinfo | None,
    signed_data: Tree | None,
    now: datetime,
    outcome: Outcome | None = None,
    booking_id: str = "",
    invoice: str = "",
) -> Composed:
    """The whole CDR. `location`: its `place`; `tariff` prices it, `embedded`: the tariffs as the CDR carries them. `outcome`:
    of the reservation that the session began as. `booking_id`: of the Booking that it was. `invoice`: its
    invoice_reference_id."""
    assert session.end_date_time is not None, "a CDR is of a session that has ended"
    missed = bool(booking_id) and outcome is Outcome.EXPIRED
    periods = for_cdr(session.charging_periods) or [
        _nothing(session.start_date_time, reserved=outcome is not None, missed=missed)
    ]
    began = min(session.start_date_time, periods[0].start_date_time)  # with the reservation, where there was one
    tree: Tree = {
        "country_code": session.country_code,
        "party_id": session.party_id,
        "id": identity,
        "start_date_time": date_time_text(began),
        "end_date_time": date_time_text(session.end_date_time),
        "session_id": session.id,
        "cdr_token": session.cdr_token.tree(),
        "auth_method": session.auth_method.value,
        "cdr_location": location,
        "currency": session.currency,
        "tariffs": list(embedded),
        "last_updated": date_time_text(now),
    }
    for name in ("authorization_reference", "meter_id"):
        if getattr(session, name):
            tree[name] = getattr(session, name)
    if booking_id:
        tree["booking_id"] = booking_id
    if invoice:
        tree["invoice_reference_id"] = invoice
    if signed_data is not None:
        tree["signed_data"] = signed_data
    return priced(tree, periods, tariff, zone, energy=session.kwh, outcome=outcome)


def priced(
    tree: Tree,
    periods: Sequence[ChargingPeriod],
    tariff: CompiledTariff | None,
    zone: tzinfo | None,
    *,
    energy: Decimal,
    outcome: Outcome | None = None,
) -> Composed:
    """The CDR with these periods: volumes, costs and totals follow from them."""
    start, end = _moment(tree["start_date_time"]), _moment(tree["end_date_time"])
    parked = _volume(periods, CdrDimensionType.PARKING_TIME)
    told = {name: value for name, value in tree.items() if name not in (*COST_FIELDS, "total_parking_time")}
    told |= {
        "charging_periods": [period.tree() for period in periods],
        "total_cost": {"before_taxes": Decimal(0)},
        "total_energy": energy,
        "total_time": decimal(Fraction((end - start) // timedelta(microseconds=1), _HOUR // timedelta(microseconds=1))),
    }
    if parked:
        told["total_parking_time"] = parked
    if tariff is None:
        return Composed(told, None)
    breakdown = price([tariff], periods, zone, tariff.tax_profile, tariff.policy, end=end, outcome=outcome)
    return Composed(told | costs(breakdown), breakdown)


def costs(breakdown: Breakdown) -> Tree:
    """total_cost and its parts, as far as the tariff tells what is before taxes."""
    told: Tree = {"total_cost": as_price(breakdown.total, breakdown.taxes) or {"before_taxes": Decimal(0)}}
    for field, category in COST_FIELDS.items():
        if category in breakdown.costs:
            part = as_price(breakdown.costs[category], breakdown.taxes_of(category))
            if part is not None:
                told[field] = part
    return told


def _nothing(start: datetime, *, reserved: bool, missed: bool) -> ChargingPeriod:
    """At least one period is required (T-314), also where no meter ever told anything, or what was booked had not begun.
    `missed`: a booking for which nobody came, and not one that was taken back."""
    kinds = ["RESERVATION_TIME"] if reserved else ["ENERGY", "TIME"]
    kinds += ["RESERVATION_EXPIRES"] if missed else []
    return ChargingPeriod.model_validate(
        {"start_date_time": start, "dimensions": [{"type": kind, "volume": 0} for kind in kinds]}
    )


def _volume(periods: Sequence[ChargingPeriod], kind: CdrDimensionType) -> Decimal:
    return sum((each.volume for period in periods for each in period.dimensions if each.type is kind), Decimal(0))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
