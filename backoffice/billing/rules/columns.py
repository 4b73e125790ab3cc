"""The columns of an export of CDRs, version 1: names, order, what each says, and how it comes out of a CDR.

The order and the number of the columns never change within a version; a fact that the product does not know yet has its
column already, empty. `docs/finance.md` is checked against this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from backoffice.billing.rules.lines import TAXES, Line

VERSION = "cdr-1"

Value = str | Decimal | int | bool | datetime | None


class Kind(StrEnum):
    TEXT = "text"
    AMOUNT = "amount"
    QUANTITY = "number"
    COUNT = "whole number"
    MOMENT = "time, UTC"
    LOCAL = "time, local"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True)
class Column:
    """`means`: for the dictionary. `of` is None where the product knows no such fact yet."""

    name: str
    kind: Kind
    means: str
    of: Callable[[Line], Value] | None


def _of(name: str) -> Callable[[Line], Value]:
    return lambda line: line.document.get(name)


def _at(name: str) -> Callable[[Line], Value]:
    return lambda line: line.location.get(name)


def _quantity(name: str) -> Callable[[Line], Value]:
    return lambda line: line.quantity(name)


def _part(name: str) -> Callable[[Line], Value]:
    return lambda line: line.part(name)


def _tax(place: int) -> tuple[Column, ...]:
    last = " (the sum of those that are left, if there are more)" if place == TAXES - 1 else ""
    return (
        Column(
            f"tax_name_{place + 1}", Kind.TEXT, f"Name of tax {place + 1} on the total", lambda line: line.tax(place, 0)
        ),
        Column(f"tax_pct_{place + 1}", Kind.QUANTITY, "Its rate in percent, if told", lambda line: line.tax(place, 1)),
        Column(f"tax_amount_{place + 1}", Kind.AMOUNT, f"Its amount{last}", lambda line: line.tax(place, 2)),
    )


T, A, Q, N, M, L, F = Kind.TEXT, Kind.AMOUNT, Kind.QUANTITY, Kind.COUNT, Kind.MOMENT, Kind.LOCAL, Kind.FLAG

COLUMNS: tuple[Column, ...] = (
    Column("export_version", T, f"This format: {VERSION}", lambda line: VERSION),
    Column("row_no", N, "Row of this file, from 1", lambda line: line.row),
    Column("direction", T, "receivable, payable, or internal (both companies are ours)", lambda line: line.booked.way.lower()),
    Column("partner_country", T, "Country code of the partner", lambda line: line.booked.partner[0]),
    Column("partner_party", T, "Party id of the partner", lambda line: line.booked.partner[1]),
    Column("cpo_id", T, "Who was charged at: owner of the CDR", lambda line: line.booked.cpo),
    Column("emsp_id", T, "Who pays: owner of the token", lambda line: line.booked.emsp),
    Column("agreement_no", T, "Not known yet: agreements are not kept here", None),
    Column("cdr_id", T, "Id of the CDR, unique for its owner", _of("id")),
    Column("session_id", T, "Id of the session, if told", _of("session_id")),
    Column("credit", F, "A Credit CDR: it takes back the one it refers to", lambda line: line.sign < 0),
    Column("credit_reference_id", T, "Id of the CDR that it takes back", _of("credit_reference_id")),
    Column("authorization_reference", T, "What the eMSP called its authorisation", _of("authorization_reference")),
    Column("invoice_reference_id", T, "Invoice that the CPO names in the CDR", _of("invoice_reference_id")),
    Column("invoice_no", T, "Not known yet: invoices are not made here", None),
    Column("start_utc", M, "When the session began", lambda line: line.booked.starts_at),
    Column("end_utc", M, "When it ended", lambda line: line.booked.ends_at),
    Column("start_local", L, "The same where the charge point is", lambda line: line.local(line.booked.starts_at)),
    Column("end_local", L, "The same where the charge point is", lambda line: line.local(line.booked.ends_at)),
    Column("time_zone", T, "Of the location, as it was known at entry", lambda line: line.time_zone),
    Column("token_uid_masked", T, "Number of the card or app, hidden but for its last characters", lambda line: line.token_uid),
    Column("token_type", T, "RFID, APP_USER and so on", lambda line: line.token.get("type")),
    Column("contract_id", T, "The driver's contract", lambda line: line.token.get("contract_id")),
    Column("auth_method", T, "How the driver was let in", _of("auth_method")),
    Column("location_id", T, "Id of the location", _at("id")),
    Column("location_name", T, "Its name", _at("name")),
    Column("address", T, "Street and number", _at("address")),
    Column("postal_code", T, "Postal code", _at("postal_code")),
    Column("city", T, "City", _at("city")),
    Column("country", T, "ISO 3166-1 alpha-3", _at("country")),
    Column("evse_uid", T, "Id of the EVSE in its platform", _at("evse_uid")),
    Column("evse_id", T, "The EVSE's public id (eMI3)", _at("evse_id")),
    Column("connector_id", T, "Id of the connector at the EVSE", _at("connector_id")),
    Column("connector_standard", T, "Kind of plug", _at("connector_standard")),
    Column("power_type", T, "AC or DC, phases", _at("connector_power_type")),
    Column("meter_id", T, "Id of the meter, if told", _of("meter_id")),
    Column("meter_start", Q, "Not known yet: a CDR tells no reading outside its signed data", None),
    Column("meter_stop", Q, "Not known yet, likewise", None),
    Column("energy_kwh", Q, "Energy, kWh", _quantity("total_energy")),
    Column("duration_h", Q, "Whole time, hours", _quantity("total_time")),
    Column("charging_h", Q, "Whole time without parking; empty where the parking is not told", lambda line: line.charging),
    Column("parking_h", Q, "Time plugged in without charging, if told", _quantity("total_parking_time")),
    Column("tariff_ids", T, "Tariffs in the CDR, with semicolons", lambda line: line.tariff_ids),
    Column("currency", T, "ISO 4217, of all amounts of the row", _of("currency")),
    Column("fixed_net", A, "Flat fees before taxes", _part("total_fixed_cost")),
    Column("energy_net", A, "For energy, before taxes", _part("total_energy_cost")),
    Column("time_net", A, "For time, before taxes", _part("total_time_cost")),
    Column("parking_net", A, "For parking, before taxes", _part("total_parking_cost")),
    Column("reservation_net", A, "For the reservation, before taxes", _part("total_reservation_cost")),
    Column("total_net", A, "The total before taxes: what the CDR bills", lambda line: line.total),
    *(column for place in range(TAXES) for column in _tax(place)),
    Column("total_gross", A, "The total with all taxes; empty where the CDR names none", lambda line: line.gross),
    Column("our_total_net", A, "What we calculate, before taxes (received CDRs)", lambda line: line.booked.our_net),
    Column("delta_net", A, "What they bill minus what we calculate", lambda line: line.booked.delta),
    Column("verdict", T, "Our check: AGREED, DIFFERS, NOT_PRICED, FAILED, WAITING; ACCEPTED by staff", lambda line: line.verdict),
    Column("reason_codes", T, "Why, or why a CDR of ours was held before; with semicolons", lambda line: line.reasons),
    Column("signed_data_state", T, "PRESENT: signed meter values, which we do not verify; NONE", lambda line: line.signed_data),
    Column("home_charging", F, "The driver is paid back by an employer; empty if not told", _of("home_charging_compensation")),
    Column("received_at", M, "When it began to count: received, or released to the eMSP", lambda line: line.booked.received_at),
    Column("decided_by", T, "Who released a CDR of ours that was held", lambda line: line.booked.decided_by),
    Column("decided_at", M, "When", lambda line: line.booked.decided_at),
    Column("remark", T, "Remark in the CDR", _of("remark")),
)  # fmt: skip

HEADER = tuple(column.name for column in COLUMNS)


def values(line: Line) -> list[Value]:
    return [None if column.of is None else column.of(line) for column in COLUMNS]
