"""CDRs as the books find them, and exports of them: what tests of this room start from."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from backoffice.billing.actions import defining, entering
from backoffice.billing.models import Export
from backoffice.cdrs.models import Cdr
from backoffice.fields import DocumentField
from backoffice.partners.models import Party

Tree = dict[str, Any]

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
_numbers = count(1)


def document(owner: str = "SE-ELV", payer: str = "DE-RDK", **changes: Any) -> Tree:
    """A CDR of 20 kWh for 9.00 EUR and 25 % VAT at Storgatan in Lund, 1 March 2026, 09:00 to 10:30 local time."""
    country_code, party_id = owner.split("-")
    token_country, token_party = payer.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": f"CDR-{next(_numbers)}",
        "start_date_time": "2026-03-01T08:00:00Z",
        "end_date_time": "2026-03-01T09:30:00Z",
        "session_id": "S-1",
        "cdr_token": {
            "country_code": token_country,
            "party_id": token_party,
            "uid": "04A1B2C3D4E5F6",
            "type": "RFID",
            "contract_id": "DE-RDK-C00000001-X",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "LUND-1",
            "name": "Storgatan",
            "address": "Storgatan 1",
            "city": "Lund",
            "postal_code": "222 22",
            "country": "SWE",
            "coordinates": {"latitude": "55.704660", "longitude": "13.191007"},
            "evse_uid": "E1",
            "evse_id": "SE*ELV*E1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "CABLE",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "charging_periods": [
            {
                "start_date_time": "2026-03-01T08:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 20}, {"type": "TIME", "volume": Decimal("1.5")}],
            }
        ],
        "total_cost": {
            "before_taxes": Decimal("9.00"),
            "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("2.25")}],
        },
        "total_energy": 20,
        "total_energy_cost": {"before_taxes": Decimal("9.00")},
        "total_time": Decimal("1.5"),
        "total_parking_time": Decimal("0.25"),
        "last_updated": "2026-03-01T09:31:00Z",
    } | deepcopy(changes)


def cdr(tree: Tree | None = None, *, at: datetime = NOW, **fates: Any) -> Cdr:
    """A stored CDR: received and agreed with, or ours and released, unless told otherwise."""
    tree = tree or document()
    party = _party(tree["country_code"], tree["party_id"])
    token, place = tree["cdr_token"], tree["cdr_location"]
    total = tree["total_cost"]
    ours = {"ours": True, "state": "RELEASED", "verdict": ""}
    theirs = {"ours": False, "state": "", "verdict": "AGREED", "our_excl": total["before_taxes"], "delta": Decimal(0)}
    facts: dict[str, Any] = (ours if party.ours else theirs) | {"entered_at": at} | fates
    return Cdr.objects.create(
        party=party,
        object_id=tree["id"],
        document=DocumentField.write(tree),
        last_updated=at,
        created_at=at,
        emsp=_party(token["country_code"], token["party_id"]),
        session_ref=f"{tree['id']}-S",
        starts_at=datetime.fromisoformat(tree["start_date_time"]),
        ends_at=datetime.fromisoformat(tree["end_date_time"]),
        kwh=tree["total_energy"],
        hours=tree["total_time"],
        currency=tree["currency"],
        total_excl=total["before_taxes"],
        token_uid=token["uid"],
        token_type=token["type"],
        contract_id=token["contract_id"],
        auth_method=tree["auth_method"],
        location_id=place["id"],
        location_name=place.get("name", ""),
        city=place["city"],
        country=place["country"],
        evse_uid=place["evse_uid"],
        evse_id=place["evse_id"],
        connector_id=place["connector_id"],
        credit=bool(tree.get("credit")),
        credit_reference_id=tree.get("credit_reference_id", ""),
        signed="signed_data" in tree,
        content_hash="",
        told_in="2.3.0",
        **facts,
    )


def _party(country_code: str, party_id: str) -> Party:
    party, _ = Party.objects.get_or_create(
        country_code=country_code, party_id=party_id, defaults={"ours": party_id.startswith("R")}
    )
    return party


def cdrs(many: int, *, ended: Sequence[datetime] = (), **fates: Any) -> list[Cdr]:
    """So many, entered into the books one by one."""
    found = []
    for number in range(many):
        end = ended[number] if ended else NOW - timedelta(hours=1)
        found.append(
            cdr(
                document(
                    start_date_time=f"{end - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
                    end_date_time=f"{end:%Y-%m-%dT%H:%M:%SZ}",
                ),
                **fates,
            )
        )
    entering.enter(now=NOW)
    return found


def export(name: str = "Everything", *, now: datetime = NOW, partners: Sequence[Party] = (), **facts: Any) -> Export:
    return defining.save(Export(), {"name": name} | facts, list(partners), by=None, now=now)
