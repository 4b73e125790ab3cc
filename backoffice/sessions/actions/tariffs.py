"""Which tariff prices a session: that of its connector when it began, as the eMSP may see it.

Versions of tariffs never change, so a compiled one is kept by its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.tariffs.actions.storing import parsed, version_at
from backoffice.tariffs.models import Tariff, TariffVersion
from backoffice.tariffs.rules import CompiledTariff, compile_tariff
from backoffice.tariffs.rules.standing import Contender, contest, flaw
from ocpi.wire.tariffs import TariffType


def zone_of(name: str) -> tzinfo | None:
    """None for what is no time zone."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError):  # a name that this system does not know, or that is no name at all
        return None


@lru_cache(maxsize=512)
def _compiled(document: str) -> CompiledTariff | None:
    tariff = parsed(DocumentField.read(document))
    return None if flaw(tariff) else compile_tariff(tariff)


def compiled(version: TariffVersion | None) -> CompiledTariff | None:
    """None where there is no tariff, or one that cannot price."""
    return _compiled(version.document) if version is not None else None


def offered(evse: Evse, connector_id: str) -> list[str]:
    """The tariffs of a connector, in its own order."""
    for connector in DocumentField.read(evse.document)["connectors"]:
        if connector["id"].upper() == connector_id.upper():
            return list(connector.get("tariff_ids") or ())
    return []


def chosen(
    party: int,
    ids: Sequence[str],
    *,
    at: datetime,
    wanted: Sequence[TariffType] = (TariffType.REGULAR,),
    hidden: frozenset[str] = frozenset(),
) -> TariffVersion | None:
    """The version that prices a charge of this kind which begins at `at`. `wanted`: the kinds in order of preference; `hidden`:
    tariffs that the eMSP must not know of."""
    keys = [identity.upper() for identity in ids]
    known = {row.object_id.upper(): row for row in Tariff.objects.filter(party_id=party, object_id__in=ids)}
    if len(known) < len(set(keys)):  # an id in another case: rare, and slower to look for
        for key in set(keys) - known.keys():
            row = Tariff.objects.filter(party_id=party, object_id__iexact=key).first()
            if row is not None:
                known[key] = row
    versions = [version_at(known[key], at) for key in dict.fromkeys(keys) if key in known]
    contenders = [
        Contender(
            parsed(version.tree()),
            visible=version.tariff.object_id.upper() not in hidden,
            withdrawn=version.tariff.withdrawn_at is not None and version.tariff.withdrawn_at <= at,
        )
        for version in versions
    ]
    for kind in wanted:
        placings = contest(contenders, kind, at)
        for version, placing in zip(versions, placings, strict=True):
            if placing.wins:
                return version
    return None
