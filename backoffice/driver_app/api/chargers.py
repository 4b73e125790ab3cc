"""Find a charger, look at it, ask what it would cost."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from fractions import Fraction

from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Told
from backoffice.driver_app.api import saying
from backoffice.driver_app.api.seeing import evse_of, location_of
from backoffice.driver_app.finding import Wanted, near
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.sessions.actions.tariffs import chosen, compiled, offered, zone_of
from backoffice.tariffs.rules.exact import decimal, exponent, plain
from backoffice.tariffs.rules.examples import Example, example_of, steps, worked
from ocpi.wire.locations import PowerType

KW = Decimal(1000)
DEFAULT_KW = Decimal(11)


def find(ask: Ask) -> Told:
    """Chargers around a place, the nearest first.

    Of all operators that this platform knows. `power_kw`, `standard` and `free` ask for EVSEs that give so much, have such a
    connector, are free now.
    """
    query = ask.query
    wanted = Wanted(
        latitude=float(query["latitude"]),
        longitude=float(query["longitude"]),
        metres=query["radius_m"],
        power=int((query["power_kw"] or 0) * KW),
        standards=[str(query["standard"].value)] if query["standard"] else [],
        free=query["free"] == 1,
        limit=query["limit"],
    )
    return Told(
        {
            "items": [
                {
                    "country_code": each.country_code,
                    "party_id": each.party_id,
                    "location_id": each.location_id,
                    "name": each.name,
                    "city": each.city,
                    "country": each.country,
                    "latitude": Decimal(str(each.latitude)),
                    "longitude": Decimal(str(each.longitude)),
                    "distance_m": round(each.metres),
                    "max_power_kw": Decimal(each.max_power) / KW,
                    "standards": list(each.standards),
                    "matching": each.matching,
                    "free": each.free,
                }
                for each in near(wanted)
            ]
        }
    )


def one(ask: Ask) -> Told:
    """A location with its EVSEs, connectors and their statuses, as its operator tells it."""
    found = location_of(ask.segments["country_code"], ask.segments["party_id"], ask.segments["location_id"])
    return Told({"location": found.tree()})


def quote(ask: Ask) -> Told:
    """What a charge would cost if it began now.

    Calculated as its CDR will be. Without `minutes` the connector's power gives the time. Prices that the operator has not told
    us cannot be said: `priced` is then false.
    """
    told: saying.QuoteAsked = ask.value
    location = location_of(told.country_code, told.party_id, told.location_id)
    evse = evse_of(location, told.evse_uid)
    connector = _connector(evse, told.connector_id)
    version = chosen(location.party_id, offered(evse, connector["id"]), at=ask.now)
    tariff = compiled(version)
    if version is None or tariff is None:
        return Told({"priced": False, "lines": []})
    example = _example(told, connector)
    found = worked(tariff, example, ask.now, zone_of(location.time_zone) or UTC)
    excl, incl = found.total.excl, found.total.incl
    places = exponent(found.currency or "")
    texts = version.tree().get("tariff_alt_text") or []
    amounts = {
        name: decimal(amount, places)
        for name, amount in (("total_excl", excl), ("total_incl", incl))
        if amount is not None
    }
    return Told(
        {
            "priced": True,
            "currency": found.currency,
            "tariff_id": version.tariff.object_id,
            **({"tariff_text": texts[0]["text"]} if texts else {}),
            **amounts,
            "lines": [
                {"what": step.what, "how": step.how, "excl": step.excl, "incl": step.incl, "why": step.why}
                for step in steps(found)
            ],
        }
    )


def _connector(evse: Evse, connector_id: str | None) -> dict[str, object]:
    """Raises Problem."""
    known = DocumentField.read(evse.document)["connectors"]
    if connector_id is None:
        if len(known) == 1:
            return dict(known[0])
        raise Problem("invalid", "connector_id: Expected one, because the EVSE has several.")
    found = next((each for each in known if each["id"].upper() == connector_id.upper()), None)
    if found is None:
        raise Problem("not_found", "This EVSE has no such connector.")
    return dict(found)


def _example(told: saying.QuoteAsked, connector: dict[str, object]) -> Example:
    """Raises Problem."""
    watts = connector.get("max_electric_power") or 0
    power = Decimal(str(watts)) / KW or DEFAULT_KW
    minutes = told.minutes if told.minutes is not None else decimal(Fraction(told.kwh) * 60 / Fraction(power), 2)
    stated = {
        "kwh": plain(told.kwh),
        "minutes": plain(minutes),
        "idle_minutes": plain(told.idle_minutes or Decimal(0)),
        "dc": connector.get("power_type") == PowerType.DC.value,
    }
    try:
        return example_of(stated)
    except ValueError as error:
        raise Problem("invalid", str(error)) from error
