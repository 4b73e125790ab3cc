"""Sessions, CDRs and decisions as rows for the start page, which reads columns only: no document, no action behind them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from backoffice.cdrs.models import Cdr
from backoffice.partners.models import Party
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization

_numbers = count(1)


def cdr(party: Party, emsp: Party, ends_at: datetime, **facts: Any) -> Cdr:
    """Ours when `party` is: EUR 9.00 for 20 kWh."""
    number = next(_numbers)
    starts_at = ends_at - timedelta(hours=1)
    times = {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "last_updated": ends_at,
        "created_at": ends_at,
        "entered_at": ends_at,
    }
    defaults: dict[str, Any] = {"object_id": f"CDR{number}", "document": "{}", "kwh": 20, "hours": 1, "currency": "EUR"}
    defaults |= {"total_excl": Decimal("9.00"), "signed": False, "ours": party.ours, "session_ref": f"S{number}"}
    return Cdr.objects.create(party=party, emsp=emsp, **times | defaults | facts)


def session(party: Party, emsp: Party, starts_at: datetime, **facts: Any) -> Session:
    """Ours when `party` is, ACTIVE with 11 kW and 5 kWh unless told otherwise."""
    times = {"starts_at": starts_at, "last_updated": starts_at, "created_at": starts_at, "moved_at": starts_at}
    defaults: dict[str, Any] = {"object_id": f"S{next(_numbers)}", "document": "{}", "kwh": 5, "currency": "EUR"}
    defaults |= {"status": "ACTIVE", "power_kw": 11, "ours": party.ours}
    return Session.objects.create(party=party, emsp=emsp, **times | defaults | facts)


def decision(at: datetime, **facts: Any) -> Authorization:
    """We let somebody in by our own copy, unless told otherwise."""
    defaults: dict[str, Any] = {"kind": "DECIDED", "uid": "A", "token_type": "RFID", "allowed": "ALLOWED"}
    defaults |= {"how": "WHITELIST", "reason_code": "WHITELISTED", "reason": "It is."}
    return Authorization.objects.create(at=at, **defaults | facts)
