"""What a system says of its locations: merged into what is kept, under the lock that staff's edits take as well.

What is left out stays, so that a system needs to know only what it knows; null takes a field away. Statuses of EVSEs that are
known are not taken from here: they are reported, and a nightly run over all master data must not undo them.
"""

from __future__ import annotations

from typing import Any

from backoffice.api.serving import routes
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Told
from backoffice.charge_points.actions import systems as linking
from backoffice.charge_points.api.systems import location_of, system_of
from backoffice.charge_points.rules.reports import why_refused
from backoffice.locations.actions.changing import UnableToChange
from backoffice.locations.actions.editing import create_location, edit_location, save_evse
from backoffice.locations.models import Location
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire.locations import Status

Tree = dict[str, Any]

SOURCE = "station system"
_OURS = ("country_code", "party_id", "id", "last_updated")
"""What is not theirs to say; said all the same, it must be right."""


def listed(ask: Ask) -> Told:
    """The locations that this system is linked to."""
    system, most = system_of(ask), ask.query["limit"]
    rows = list(
        Location.objects.filter(station_link__system=system, pk__gt=routes.after(ask)).order_by("pk")[: most + 1]
    )
    more = len(rows) > most
    rows = rows[:most]
    return Told(routes.page([_kept(row) for row in rows], rows[-1].pk if more else None))


def one(ask: Ask) -> Told:
    """One of these locations."""
    return Told(_kept(_known(ask)))


def put(ask: Ask) -> Told:
    """Add a location, or change what is said of it.

    A Location of OCPI 2.3.0, whole or in part: what is left out stays as it is, null takes a field away. A new location is yours
    from then on; partners see it once the operator has shared it. EVSEs that are left out stay; only the operator removes one.
    """
    system, object_id = system_of(ask), ask.segments["location_id"]
    _agree(ask.tree, system.application.party, "id", object_id)
    Party.objects.select_for_update(no_key=True).get(pk=system.application.party_id)  # two that add it at once
    location = location_of(system, object_id)
    own = {name: value for name, value in ask.tree.items() if name not in (*_OURS, "evses")}
    created = location is None
    try:
        if location is None:
            tree = {name: value for name, value in own.items() if value is not None} | {"id": object_id}
            location = create_location(system.application.party, tree, now=ask.now)
            linking.link(system, location.pk)
        else:
            edit_location(location, lambda stored: _merged(stored, own), now=ask.now)
        for index, evse in enumerate(ask.tree.get("evses") or ()):
            _put_evse(location, evse["uid"], evse, ask, at=("evses", index))
    except (UnableToChange, linking.UnableToLink) as error:
        raise Problem("conflict", str(error)) from error
    return Told(_kept(Location.objects.get(pk=location.pk)), status=201 if created else 200)


def put_evse(ask: Ask) -> Told:
    """Add an EVSE to a location, or change what is said of it.

    As with the location: what is left out stays. Connectors that are left out of a list of connectors go; their tariffs stay
    where none are named. The status counts when the EVSE is new; later it is reported.
    """
    location, uid = _known(ask), ask.segments["evse_uid"]
    _agree(ask.tree, location.party, "uid", uid)
    try:
        _put_evse(location, uid, ask.tree, ask)
    except UnableToChange as error:
        raise Problem("conflict", str(error)) from error
    return Told(_kept(Location.objects.get(pk=location.pk)))


def _known(ask: Ask) -> Location:
    found = location_of(system_of(ask), ask.segments["location_id"])
    if found is None:
        raise Problem("not_found", "You have no location of this id.")
    return found


def _kept(location: Location) -> Tree:
    return {"location": location.tree(), "shared": location.shared}


def _agree(tree: Tree, party: Party, name: str, identity: str) -> None:
    """What the body says of its own name is what the address says. Raises Invalid."""
    expected = {"country_code": party.country_code, "party_id": party.party_id, name: identity}
    faults = [
        wire_json.Violation((field,), "Expected what the address says, or nothing.")
        for field, value in expected.items()
        if tree.get(field) is not None and str(tree[field]).upper() != value.upper()
    ]
    if faults:
        raise wire_json.Invalid(faults)


def _merged(stored: Tree, told: Tree) -> Tree:
    return {name: value for name, value in (stored | told).items() if value is not None}


def _put_evse(location: Location, uid: str, told: Tree, ask: Ask, *, at: tuple[str | int, ...] = ()) -> None:
    known = location.evses.filter(uid__iexact=uid, listed=True).exists()

    def change(stored: Tree) -> Tree:
        own = {name: value for name, value in told.items() if name not in ("uid", "last_updated")}
        if stored:
            own.pop("status", None)
        else:
            own = {"uid": uid, "status": _first_status(told, at)} | {k: v for k, v in own.items() if k != "status"}
        if own.get("connectors") is not None:
            own["connectors"] = _connectors(stored, own["connectors"])
        return _merged(stored, own)

    try:
        save_evse(location, uid if known else None, change, now=ask.now, source=SOURCE)
    except wire_json.Invalid as error:
        raise wire_json.Invalid(
            [wire_json.Violation((*at, *each.path), each.message) for each in error.violations]
        ) from error


def _first_status(told: Tree, at: tuple[str | int, ...]) -> str:
    status = Status(told.get("status") or Status.UNKNOWN)
    refusal = why_refused(Status.UNKNOWN, status)
    if refusal:
        raise wire_json.Invalid([wire_json.Violation((*at, "status"), refusal)])
    return status.value


def _connectors(stored: Tree, told: list[Tree]) -> list[Tree]:
    """Each merged into the one of its id; only what is said differently becomes newer."""
    before = {str(each.get("id")).upper(): each for each in stored.get("connectors") or ()}
    merged = []
    for each in told:
        own = {name: value for name, value in each.items() if name != "last_updated"}
        merged.append(_merged(before.get(str(each["id"]).upper(), {}), own))
    return merged
