"""The port to charge station hardware: what a driver is, and what it tells us.

A driver speaks with stations in whatever way they want and runs until it is told to stop. It only brings reports so far;
what we ask of stations (start, stop, unlock, charging profiles) joins this class with the modules that need it.

Stations know themselves by the EVSE id that is printed on them, in any case, and count their charges by transaction ids of
their own. `at` is when it happened by the station's clock; None is now.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from ocpi.wire.locations import Status


@dataclass(frozen=True, slots=True)
class StatusReport:
    """An EVSE has changed its status. The answer is whether that was news."""

    evse_id: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CardShown:
    """Somebody wants to charge and showed a card, or what stands for one. The answer is an `Admission`, always, and may take as
    long as the eMSP does, some seconds."""

    evse_id: str
    connector_id: str
    uid: str
    token_type: str = "RFID"  # noqa: S105 - a kind of token, no password


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether the station may let somebody charge, and the number that a charge begins with."""

    allowed: bool
    reason: str
    authorization_id: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A charge has begun, with the meter's kWh at that moment. `pending`: the cable is not in yet. The answer is the id of the
    session; the same report again gets the same answer."""

    evse_id: str
    connector_id: str
    transaction: str
    authorization_id: int
    meter_kwh: Decimal
    pending: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Metered:
    """The meter of a charge that goes on. `power_kw`, `soc` (percent): where the station knows them. `charging`: whether the
    vehicle takes energy, from now on."""

    evse_id: str
    transaction: str
    meter_kwh: Decimal
    power_kw: Decimal | None = None
    soc: Decimal | None = None
    charging: bool = True
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """A charge is over. `signed_data`: a SignedData of OCPI (mod_cdrs), which goes into the CDR as it is."""

    evse_id: str
    transaction: str
    meter_kwh: Decimal
    reason: str = ""
    signed_data: dict[str, Any] | None = None
    at: datetime | None = None


Report: TypeAlias = StatusReport | CardShown | Started | Metered | Stopped

Answer: TypeAlias = bool | str | Admission
"""False: nothing changed, or the report was refused (which is logged). A card that is refused is an Admission, too."""

Tell = Callable[[Report], Answer]
"""Takes a report in. Returns only when it is certain what became of it."""


class Gateway(Protocol):
    """A driver of charge station hardware."""

    def run(self, tell: Tell, stop: threading.Event) -> None:
        """Bring reports until `stop` is set."""
