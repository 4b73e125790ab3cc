"""Start, stop and reserve, by the verbs that staff use as well; follow what comes of it; the charge and its receipt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models.functions import Upper

from backoffice.api.serving import routes
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Told
from backoffice.cdrs.models import Cdr
from backoffice.commands.actions import sending
from backoffice.commands.actions.following import charge_of as charge_of_command
from backoffice.commands.actions.sending import UnableToCommand, Wish
from backoffice.commands.models import Command
from backoffice.commands.rules.answers import RESULTS
from backoffice.driver_app.api import saying
from backoffice.driver_app.api.seeing import charge_of, command_of, evse_of, location_of, token_of
from backoffice.partners.models import Party
from backoffice.sessions.actions.telling import said
from backoffice.sessions.models import Session
from ocpi.wire.base import date_time_text
from ocpi.wire.commands import CommandType

Tree = dict[str, Any]


def start(ask: Ask) -> Told:
    """Start a charge for a driver of yours.

    The answer comes at once and says that it is being asked for; what the charge point did follows within seconds, by webhook
    or at the command's address. What would be refused for certain is refused here, with the reason.
    """
    return _sent(ask, _at_point(ask, CommandType.START_SESSION))


def reserve(ask: Ask) -> Told:
    """Keep a charger for a driver of yours for some minutes."""
    told: saying.ReserveAsked = ask.value
    if not 0 < told.minutes <= 24 * 60:
        raise Problem("invalid", "minutes: Expected a whole number from 1 to 1440.")
    return _sent(ask, _at_point(ask, CommandType.RESERVE_NOW, expires_at=ask.now + timedelta(minutes=told.minutes)))


def cancel(ask: Ask) -> Told:
    """Give a reservation back."""
    emsp = Party.objects.get(pk=ask.caller.party)
    return _sent(ask, _wish(ask, CommandType.CANCEL_RESERVATION, emsp=emsp, reservation_id=ask.value.reservation_id))


def stop(ask: Ask) -> Told:
    """Stop a charge."""
    return _sent(ask, _wish(ask, CommandType.STOP_SESSION, session=charge_of(ask)))


def command(ask: Ask) -> Told:
    """What became of something that you asked for."""
    return Told(_command(command_of(ask)))


def charges(ask: Ask) -> Told:
    """The charges of your drivers, the latest first; of one contract where that is asked for."""
    rows = Session.objects.filter(emsp=ask.caller.party).select_related("party").order_by("-pk")
    if ask.query["contract_id"]:
        rows = rows.alias(key=Upper("contract_id")).filter(key=ask.query["contract_id"].upper())
    below, most = routes.after(ask), ask.query["limit"]
    if below:
        rows = rows.filter(pk__lt=below)
    found = list(rows.defer("document", "place", "signed_data")[: most + 1])
    billed = _billed(found)
    more = len(found) > most
    items = [_charge(row, receipt=row.pk in billed) for row in found[:most]]
    return Told(routes.page(items, found[most - 1].pk if more else None))


def charge(ask: Ask) -> Told:
    """One charge with what it costs so far."""
    row = charge_of(ask)
    return Told(_charge(row, receipt=row.pk in _billed([row])))


def receipt(ask: Ask) -> Told:
    """What the operator bills for it. There is none before the charge has ended and its operator has sent it."""
    row = charge_of(ask)
    cdr = _cdrs([row]).first()
    if cdr is None:
        raise Problem("not_found", "There is no receipt yet.")
    total = {} if cdr.total_incl is None else {"total_incl": cdr.total_incl}
    return Told(
        {
            "cdr": cdr.tree(),
            "currency": cdr.currency,
            "total_excl": cdr.total_excl,
            **total,
            "checked": cdr.verdict or cdr.state,
        }
    )


# --- what they share ----------------------------------------------------------------------------------------------------


def _at_point(ask: Ask, kind: CommandType, **more: Any) -> Wish:
    told: saying.StartAsked = ask.value
    location = location_of(told.country_code, told.party_id, told.location_id)
    evse = evse_of(location, told.evse_uid)
    token = token_of(ask, told.contract_id)
    connector = "" if kind is CommandType.RESERVE_NOW else told.connector_id or ""
    return _wish(ask, kind, token=token, location=location, evse_uid=evse.uid, connector_id=connector, **more)


def _wish(ask: Ask, kind: CommandType, **named: Any) -> Wish:
    return Wish(kind=kind.value, asked_by=ask.caller.name, by_driver=True, application=ask.caller.application, **named)


def _sent(ask: Ask, wish: Wish) -> Told:
    """Raises Problem."""
    try:
        row = sending.send(wish, now=ask.now)
    except UnableToCommand as error:
        raise Problem("conflict", str(error)) from error
    return Told(_command(row))


def _command(row: Command) -> Tree:
    said = row.result_text or RESULTS.get(row.result, "") or row.response_text
    tree: Tree = {
        "command": row.uid,
        "kind": row.kind,
        "state": row.state,
        "sentence": said,
        "asked_at": date_time_text(row.created_at),
    }
    for name in ("response", "result", "reservation_id"):
        if getattr(row, name):
            tree[name] = getattr(row, name)
    charged = charge_of_command(row)
    if charged is not None:
        tree["charge"] = str(charged.pk)
    return tree


def _cdrs(rows: list[Session]) -> Any:
    """Of these charges, what counts last: a CDR that was credited is none."""
    return (
        Cdr.objects.filter(
            party__in={row.party_id for row in rows},
            session_ref__in=[row.object_id for row in rows],
            emsp__in={row.emsp_id for row in rows},
            credit=False,
            credited_by=None,
            entered_at__isnull=False,
        )
        .exclude(session_ref="")
        .order_by("-pk")
    )


def _billed(rows: list[Session]) -> set[int]:
    known = set(_cdrs(rows).values_list("party_id", "session_ref")) if rows else set()
    return {row.pk for row in rows if (row.party_id, row.object_id) in known}


def _charge(row: Session, *, receipt: bool) -> Tree:
    return said(row) | {"receipt": receipt}
