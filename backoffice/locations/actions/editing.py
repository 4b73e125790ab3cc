"""What staff change in our own locations through forms: one object at a time, merged into what is stored at that moment.

`change` gets the stored object and gives the new one, under the location's lock, so that a status that a charge point reports
meanwhile is never overwritten. Invalid carries paths into the object that was edited.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Upper

from backoffice.fields import milliseconds
from backoffice.locations.actions.changing import UnableToChange, save_location
from backoffice.locations.models import Evse, Location
from backoffice.locations.rules import Tree
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text

Change = Callable[[Tree], Tree]


def create_location(party: Party, tree: Tree, *, now: datetime) -> Location:
    """A new location of ours. Partners hear of it when staff share it, which the publish gate guards. Raises Invalid."""
    with transaction.atomic():
        identity = str(tree.get("id", ""))
        known = Location.objects.annotate(key=Upper("object_id")).filter(party=party, key=identity.upper())
        if known.exists():
            raise UnableToChange(f"{party} has a location {identity} already. Choose another id.")
        save_location(party, tree, now=now)
        location: Location = known.get()
        Location.objects.filter(pk=location.pk).update(shared=False)
    return location


def edit_location(location: Location, change: Change, *, now: datetime) -> None:
    """An edit that changes nothing is no news to partners. Raises Invalid and UnableToChange."""
    with transaction.atomic():
        stored = _locked(location).tree()
        evses = stored.pop("evses", [])
        changed = {name: value for name, value in change(stored).items() if name != "evses"} | {"id": stored["id"]}
        if changed == stored:
            return
        save_location(location.party, changed | ({"evses": evses} if evses else {}), now=now)


def save_evse(location: Location, uid: str | None, change: Change, *, now: datetime, source: str = "staff") -> str:
    """Edit the EVSE `uid`, or add one for None. Its `last_updated`, and that of its changed connectors, become now.

    Returns the uid. Raises Invalid with paths into the EVSE, UnableToChange for a uid that is or was in use.
    """
    stamp = date_time_text(milliseconds(now))
    with transaction.atomic():
        tree = _locked(location).tree()
        evses: list[Tree] = tree.setdefault("evses", [])
        index = next((n for n, evse in enumerate(evses) if uid and evse["uid"].upper() == uid.upper()), None)
        if uid is not None and index is None:
            raise UnableToChange(f"There is no EVSE {uid} at {location} any more.")
        stored: Tree = evses[index] if index is not None else {}
        evse = change(stored)
        if index is None:
            _unused(location, str(evse.get("uid", "")))
            index = len(evses)
            evses.append(evse)
        else:
            evse = evse | {"uid": stored["uid"]}
        if evse == stored:
            return str(stored["uid"])
        evse = _stamped(stored, evse, stamp)
        wire_json.validate(wire.EVSE, evse)
        evses[index] = evse
        try:
            save_location(location.party, tree, now=now, source=source)
        except wire_json.Invalid as error:
            raise wire_json.Invalid([_below(violation, index) for violation in error.violations]) from error
    return str(evse["uid"])


def save_connector(location: Location, uid: str, connector_id: str | None, change: Change, *, now: datetime) -> None:
    """Edit a connector of an EVSE, or add one for None. Raises Invalid with paths into the Connector, and UnableToChange."""

    def of_evse(evse: Tree) -> Tree:
        connectors = list(evse.get("connectors") or ())
        index = next(
            (n for n, c in enumerate(connectors) if connector_id and c["id"].upper() == connector_id.upper()), None
        )
        if connector_id is not None and index is None:
            raise UnableToChange(f"There is no connector {connector_id} at EVSE {uid} any more.")
        connector = change(connectors[index] if index is not None else {})
        wire_json.validate(wire.Connector, {"last_updated": date_time_text(now), **connector})
        if index is None:
            if any(c["id"].upper() == str(connector["id"]).upper() for c in connectors):
                raise UnableToChange(f"EVSE {uid} has a connector {connector['id']} already. Choose another id.")
            connectors.append(connector)
        else:
            connectors[index] = connector | {"id": connectors[index]["id"]}
        return evse | {"connectors": connectors}

    save_evse(location, uid, of_evse, now=now)


def _locked(location: Location) -> Location:
    return Location.objects.select_for_update(no_key=True).get(pk=location.pk)


def _unused(location: Location, uid: str) -> None:
    """An EVSE's uid is unique among all that a CPO has or had, and never used again (mod_locations#evse_object)."""
    same = Evse.objects.annotate(key=Upper("uid")).filter(location__party=location.party_id, key=uid.upper())
    known = same.select_related("location").first() if uid else None
    if known is not None:
        raise UnableToChange(
            f"{known.location} has or had an EVSE {uid}, and a uid is never used again. Choose another one."
        )


def _stamped(stored: Tree, evse: Tree, stamp: str) -> Tree:
    """The EVSE and its changed connectors with the time of the change."""
    before = {str(connector.get("id")): connector for connector in stored.get("connectors") or ()}
    connectors = [
        connector if before.get(str(connector.get("id"))) == connector else {**connector, "last_updated": stamp}
        for connector in evse.get("connectors") or ()
    ]
    return {**evse, "last_updated": stamp} | ({"connectors": connectors} if connectors else {})


def _below(violation: wire_json.Violation, index: int) -> wire_json.Violation:
    inside = violation.path[:2] == ("evses", index)
    return wire_json.Violation(violation.path[2:], violation.message) if inside else violation
