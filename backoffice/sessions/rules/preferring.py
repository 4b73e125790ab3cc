"""Charging preferences: what a CPO answers (mod_sessions#mod_sessions_charging_preferences_response_enum).

The price of a session is that of its start, which the driver has seen. So the profile types of a running session are REGULAR and
the one that its tariff is for; another would be promised at a price that nobody is going to charge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ocpi.wire.sessions import ChargingPreferences, ChargingPreferencesResponse, ProfileType
from ocpi.wire.tariffs import TariffType

CAPABLE = "CHARGING_PREFERENCES_CAPABLE"

SHIFTED = frozenset({ProfileType.CHEAP, ProfileType.GREEN})
"""Charging is put off to better hours: nobody can plan that without knowing until when and how much."""

TARIFF_OF = {
    ProfileType.CHEAP: TariffType.PROFILE_CHEAP,
    ProfileType.FAST: TariffType.PROFILE_FAST,
    ProfileType.GREEN: TariffType.PROFILE_GREEN,
    ProfileType.REGULAR: TariffType.REGULAR,
}


@dataclass(frozen=True, slots=True)
class Offered:
    """What the connector can do: its power in W (0: unknown), and for what the tariff of the session is."""

    max_power: int
    tariff_type: TariffType | None


Response = ChargingPreferencesResponse


def answer(wanted: ChargingPreferences, offered: Offered, now: datetime) -> tuple[Response, str]:
    """The answer, and why in a sentence."""
    kind = TARIFF_OF[wanted.profile_type]
    if wanted.profile_type is not ProfileType.REGULAR and offered.tariff_type is not kind:
        return (
            Response.PROFILE_TYPE_NOT_SUPPORTED,
            f"The price of this session is not one for {wanted.profile_type}.",
        )
    if wanted.profile_type in SHIFTED and wanted.departure_time is None:
        return Response.DEPARTURE_REQUIRED, f"{wanted.profile_type} needs a departure_time."
    if wanted.profile_type in SHIFTED and wanted.energy_need is None:
        return Response.ENERGY_NEED_REQUIRED, f"{wanted.profile_type} needs an energy_need."
    if wanted.departure_time is not None and wanted.departure_time <= now:
        return Response.NOT_POSSIBLE, "The departure is in the past."
    if wanted.energy_need is not None and wanted.energy_need < 0:
        return Response.NOT_POSSIBLE, "Nobody needs less than no energy."
    if wanted.departure_time is not None and wanted.energy_need is not None and offered.max_power:
        hours = Decimal((wanted.departure_time - now) // timedelta(seconds=1)) / 3600
        most = hours * offered.max_power / 1000
        if wanted.energy_need > most:
            return (
                Response.NOT_POSSIBLE,
                f"At most {most:.1f} kWh flow until then, and {wanted.energy_need} are needed.",
            )
    return Response.ACCEPTED, ""
