"""What partners have taken of tokens of ours: read from the outbox, whose rows stay as the push state of each object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from backoffice.console.cells import NOTHING, state
from backoffice.delivery.models import Message
from backoffice.delivery.rules import MessageState
from backoffice.tokens.models import Token


@dataclass(slots=True)
class PushState:
    """How many partners took it, and how many have not."""

    taken: int = 0
    waiting: int = 0
    refused: int = 0

    @property
    def all(self) -> int:
        return self.taken + self.waiting + self.refused

    def cell(self) -> SafeString | str:
        if not self.all:
            return NOTHING
        text = f"{self.taken}/{self.all} took it"
        if self.refused:
            return state("x", tone=("bad", "error"), text=text)
        return state("x", tone=("busy", "schedule_send") if self.waiting else ("good", "check_circle"), text=text)


def path_of(token: Token) -> str:
    return f"{token.object_id}/{token.type}"


def push_states(tokens: Sequence[Token]) -> dict[int, PushState]:
    """By row id; one query."""
    ours = {(token.party_id, path_of(token)): token.pk for token in tokens if token.party.ours}
    found = {pk: PushState() for pk in ours.values()}
    if not ours:
        return found
    rows = Message.objects.filter(
        module="tokens",
        object_path__in=[path for _, path in ours],
        sender__in={party for party, _ in ours},
    ).values_list("sender_id", "object_path", "state")
    for sender, path, told in rows:
        pk = ours.get((sender, path))
        if pk is None or told == MessageState.DROPPED:
            continue
        if told == MessageState.DONE:
            found[pk].taken += 1
        elif told == MessageState.DUE:
            found[pk].waiting += 1
        else:
            found[pk].refused += 1
    return found
