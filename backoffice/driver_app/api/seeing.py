"""What an app may see: tokens, charges and commands of its own eMSP, and the locations that drivers can be sent to."""

from __future__ import annotations

from django.db.models.functions import Upper

from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask
from backoffice.commands.models import Command
from backoffice.locations.models import Evse, Location
from backoffice.sessions.models import Session
from backoffice.tokens.models import Token


def token_of(ask: Ask, contract_id: str) -> Token:
    """The token that a driver's app charges with: one made for apps before a card. Raises Problem."""
    rows = list(
        Token.objects.alias(key=Upper("contract_id"))
        .filter(party=ask.caller.party, key=contract_id.upper())
        .select_related("party")
        .order_by("-valid", "pk")[:50]
    )
    if not rows:
        raise Problem("not_found", "You have no driver with this contract.")
    return next((row for row in rows if row.valid and row.type == "APP_USER"), rows[0])


def location_of(country_code: str, party_id: str, location_id: str) -> Location:
    """Raises Problem."""
    found = (
        Location.objects.alias(key=Upper("object_id"))
        .filter(key=location_id.upper(), party__country_code=country_code.upper(), party__party_id=party_id.upper())
        .select_related("party")
        .first()
    )
    if found is None:
        raise Problem("not_found", "There is no such location.")
    return found


def evse_of(location: Location, uid: str) -> Evse:
    """Raises Problem."""
    found = Evse.objects.filter(location=location, uid__iexact=uid, listed=True).first()
    if found is None:
        raise Problem("not_found", "This location has no such EVSE.")
    return found


def charge_of(ask: Ask) -> Session:
    """The one that the address names. Raises Problem."""
    named = ask.segments["charge"]
    digits = named.isascii() and named.isdigit() and len(named) < 18
    rows = Session.objects.filter(emsp=ask.caller.party).select_related("party", "emsp", "point")
    found = rows.filter(pk=int(named)).first() if digits else None
    if found is None:
        raise Problem("not_found", "You have no such charge.")
    return found


def command_of(ask: Ask) -> Command:
    """Raises Problem."""
    rows = Command.objects.filter(sender=ask.caller.party, by_driver=True)
    found = rows.filter(uid=ask.segments["command"]).first()
    if found is None:
        raise Problem("not_found", "You have asked for no such thing.")
    return found
