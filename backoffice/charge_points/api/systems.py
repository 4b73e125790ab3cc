"""Whose call this is, and what it may see: the locations and EVSEs of one system, and nothing else."""

from __future__ import annotations

from django.db.models.functions import Upper

from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask
from backoffice.charge_points.models import StationSystem
from backoffice.locations.models import Evse, Location


def system_of(ask: Ask) -> StationSystem:
    found = StationSystem.objects.select_related("application__party").filter(pk=ask.caller.application).first()
    if found is None:
        raise Problem("not_found", "This application is no station system.")
    return found


def known(system: StationSystem, evse_id: str) -> str:
    """The EVSE id if it stands at a location of this system. Raises Problem: else it does not exist."""
    found = (
        Evse.objects.alias(key=Upper("evse_id"))
        .filter(key=evse_id.upper(), listed=True, location__station_link__system=system)
        .exclude(evse_id="")
    )
    if not found.exists():
        raise Problem("not_found", "None of your EVSEs has this id.")
    return evse_id


def location_of(system: StationSystem, object_id: str) -> Location | None:
    """None: this company has no such location. Raises Problem for one that is not this system's."""
    found = (
        Location.objects.alias(key=Upper("object_id"))
        .filter(key=object_id.upper(), party=system.application.party_id)
        .select_related("party", "station_link")
        .first()
    )
    link = getattr(found, "station_link", None)
    if found is not None and (link is None or link.system_id != system.pk):
        raise Problem(
            "not_found", "You have no location of this id. Choose another one, or ask the operator to link it."
        )
    return found
