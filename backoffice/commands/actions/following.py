"""Which charge came of a command. Reads only.

A partner's session names our command by the authorization_reference that we gave (T-423). Some partners leave it out: then it is
the first charge of that token at that location which began after the command was sent, and before another command was.
"""

from __future__ import annotations

from datetime import timedelta

from backoffice.commands.models import Command
from backoffice.commands.rules.states import Direction
from backoffice.sessions.models import Session
from ocpi.wire.commands import CommandType

CLOCKS = timedelta(minutes=2)
"""How far a partner's clock may run behind ours."""

COMES_WITHIN = timedelta(minutes=30)
"""So long after a START_SESSION a charge may still be the one that it asked for."""


def charge_of(command: Command) -> Session | None:
    """The session that it started, reserved or stopped; None while nobody has told of one."""
    if command.charge_id is not None:
        return Session.objects.filter(pk=command.charge_id).first()
    if command.kind not in (CommandType.START_SESSION, CommandType.RESERVE_NOW):
        return None
    if command.direction != Direction.OUT.value:
        if command.authorization_id is None:
            return None
        return Session.objects.filter(authorization=command.authorization_id).first()
    sessions = Session.objects.filter(
        party=command.receiver_id, emsp=command.sender_id, starts_at__gte=command.created_at - CLOCKS
    ).order_by("starts_at")
    named = sessions.filter(authorization_reference__iexact=command.authorization_reference).first()
    if named is not None or not command.authorization_reference:
        return named
    last = command.created_at + COMES_WITHIN
    following = Command.objects.filter(
        sender=command.sender_id,
        receiver=command.receiver_id,
        kind=command.kind,
        token_uid__iexact=command.token_uid,
        created_at__gt=command.created_at,
        created_at__lt=last,
    ).order_by("created_at")
    after = following.values_list("created_at", flat=True).first() or last
    return sessions.filter(
        authorization_reference="",
        token_uid__iexact=command.token_uid,
        location_id__iexact=command.location_id,
        starts_at__lt=after,
    ).first()
