"""What sessions cost by our own calculation: beside what a partner says, and for lists that must not calculate themselves.

A session that changes loses its `priced_at`; a task prices what has none. Of one that a partner tells, the periods name the
tariffs; where they do not, it is the one that the connector offered when the session began.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db import transaction

from backoffice.locations.models import Evse
from backoffice.sessions.actions.storing import parsed
from backoffice.sessions.actions.tariffs import chosen, compiled, offered, zone_of
from backoffice.sessions.actions.writing import outcome_of
from backoffice.sessions.models import Session
from backoffice.sessions.rules.cost import figures
from backoffice.tariffs.actions.storing import version_at
from backoffice.tariffs.models import Tariff, TariffVersion
from backoffice.tariffs.rules import Breakdown, CompiledTariff, price
from ocpi.wire import sessions as wire

log = logging.getLogger("roamdesk.sessions")

BATCH = 200


@dataclass(frozen=True, slots=True)
class Basis:
    """What a session is priced by. `versions` is empty when nobody told us a tariff."""

    versions: tuple[TariffVersion, ...]
    tariffs: tuple[CompiledTariff, ...]
    zone: tzinfo | None


def basis(session: Session, value: wire.Session) -> Basis:
    """The tariffs as they were when the session began."""
    zone = zone_of(session.time_zone)
    if session.tariff_version is not None and session.ours:
        found: list[TariffVersion] = [session.tariff_version]
    else:
        named = list(dict.fromkeys(period.tariff_id for period in value.charging_periods if period.tariff_id))
        found = [version for name in named if (version := _version(session, name)) is not None]
        if not named and (version := session.tariff_version or _of_connector(session)) is not None:
            found = [version]
    ready = [(version, tariff) for version in found if (tariff := compiled(version)) is not None]
    return Basis(tuple(version for version, _ in ready), tuple(tariff for _, tariff in ready), zone)


def _version(session: Session, tariff_id: str) -> TariffVersion | None:
    tariff = Tariff.objects.filter(party_id=session.party_id, object_id__iexact=tariff_id).first()
    return version_at(tariff, session.starts_at) if tariff is not None else None


def _of_connector(session: Session) -> TariffVersion | None:
    evse = Evse.objects.filter(
        location__party_id=session.party_id,
        location__object_id__iexact=session.location_id,
        uid__iexact=session.evse_uid,
    ).first()
    if evse is None:
        return None
    return chosen(session.party_id, offered(evse, session.connector_id), at=session.starts_at)


def breakdown(session: Session, value: wire.Session) -> Breakdown | None:
    """What it costs so far, with every step; None when there is no tariff or nothing was charged yet."""
    known = basis(session, value)
    return _priced(session, value, known)


def _priced(session: Session, value: wire.Session, known: Basis) -> Breakdown | None:
    if not known.tariffs or not value.charging_periods:
        return None
    if any(tariff.tariff.currency.upper() != value.currency.upper() for tariff in known.tariffs):
        return None  # two currencies cannot be compared
    return price(known.tariffs, value.charging_periods, known.zone, end=session.ends_at, outcome=outcome_of(session))


def price_waiting(*, now: datetime, limit: int = BATCH) -> int:
    """Price the sessions that have moved since they were priced. Returns how many."""
    with transaction.atomic():
        waiting = list(
            Session.objects.filter(priced_at=None)
            .select_related("tariff_version")
            .order_by("id")
            .select_for_update(of=("self",), skip_locked=True)[:limit]
        )
        for session in waiting:
            _price(session, now)
        Session.objects.bulk_update(waiting, ["our_excl", "our_incl", "priced_at", "tariff_version"])
    return len(waiting)


def _price(session: Session, now: datetime) -> None:
    value = parsed(session.tree())
    known = basis(session, value)
    try:
        found = _priced(session, value, known)
    except Exception:  # one session that breaks the calculation must not keep the others from theirs
        log.exception("session %s could not be priced", session)
        found = None
    session.our_excl, session.our_incl = figures(found)
    session.priced_at = now
    if session.tariff_version is None and known.versions:
        session.tariff_version = known.versions[0]
