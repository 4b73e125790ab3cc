"""What staff do to our own tokens: add, edit, block, unblock, replace, tell partners again. Partners hear of each change.

A held token tells partners `valid: false` whatever else it says; only `unblock` makes it valid again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from django.db import transaction

from backoffice.fields import milliseconds
from backoffice.partners.models import Party
from backoffice.tokens.actions.events import note
from backoffice.tokens.actions.storing import Tree, owe, parsed, store
from backoffice.tokens.models import Token
from backoffice.tokens.rules.changing import faults
from backoffice.tokens.rules.words import Cause, Hold
from ocpi.versions.countries import ALPHA_3
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text

Change = Callable[[Tree], Tree]

OWN_FIELDS = ("country_code", "party_id", "last_updated", "valid")
"""Set by us: whose it is, when it changed, and whether it is held."""


class UnableToChange(Exception):
    """The change is not possible; the sentence says why and what to do."""


def create(party: Party, tree: Tree, *, by: str, now: datetime, only_in: Sequence[str] = ()) -> Token:
    """A new token of ours, valid. Raises Invalid and UnableToChange."""
    if not party.ours:
        raise UnableToChange(f"{party} is a partner: its tokens change when it tells us.")
    with transaction.atomic():
        uid, kind = str(tree.get("uid", "")), str(tree.get("type", ""))
        if Token.objects.filter(party=party, object_id__iexact=uid, type=kind).exists():
            raise UnableToChange(f"{party} has a token {uid} of type {kind} already.")
        pk = _save(party, tree | {"valid": True}, now=now)
        _restrict(pk, only_in)
        note([pk], what="Added", by=by, now=now)
    return Token.objects.get(pk=pk)


def edit(token: Token, change: Change, *, by: str, now: datetime, only_in: Sequence[str] | None = None) -> bool:
    """Uid and type stay: they are what partners know it by. False: nothing was changed. Raises Invalid and UnableToChange."""
    with transaction.atomic():
        row = _locked(token)
        stored = row.tree()
        changed = change(stored) | {name: stored[name] for name in (*OWN_FIELDS, "uid", "type")}
        restricted = only_in is not None and list(only_in) != row.only_in
        if only_in is not None:
            _restrict(row.pk, only_in)
        if changed != stored:
            _save(row.party, changed, now=now, since=row.last_updated)
        if changed == stored and not restricted:
            return False
        note([row.pk], what="Edited", by=by, now=now)
    return True


def block(token: Token, cause: Cause, *, by: str, now: datetime, reason: str = "") -> None:
    """It may not be used from now on. Partners that ask are told so; partners that trust their copy are told at once."""
    with transaction.atomic():
        row = _locked(token)
        if row.hold != Hold.NONE:
            raise UnableToChange(f"It is held already ({row.held_for or row.hold.lower()}). Unblock it first.")
        Token.objects.filter(pk=row.pk).update(hold=cause.hold.value, held_at=now, held_for=cause.value)
        _save(row.party, row.tree() | {"valid": False}, now=now, since=row.last_updated)
        note([row.pk], what=f"Blocked: {cause.value.lower()}", by=by, reason=reason, now=now)


def unblock(token: Token, *, by: str, now: datetime, reason: str) -> None:
    if not reason.strip():
        raise UnableToChange("Give a reason: it is kept in the history.")
    with transaction.atomic():
        row = _locked(token)
        if row.hold == Hold.NONE:
            raise UnableToChange("It is not held.")
        Token.objects.filter(pk=row.pk).update(hold=Hold.NONE.value, held_at=None, held_for="")
        _save(row.party, row.tree() | {"valid": True}, now=now, since=row.last_updated)
        note([row.pk], what="Unblocked", by=by, reason=reason, now=now)


def replace(
    token: Token, uid: str, cause: Cause, *, by: str, now: datetime, visual_number: str = "", reason: str = ""
) -> Token:
    """The driver gets another card for the same contract; the old one is blocked. Raises Invalid and UnableToChange."""
    with transaction.atomic():
        row = _locked(token)
        if uid.upper() == row.object_id.upper():
            raise UnableToChange("The new card has the id of the old one.")
        tree = row.tree() | {"uid": uid}
        tree.pop("visual_number", None)
        if visual_number:
            tree["visual_number"] = visual_number
        fresh = create(row.party, tree, by=by, now=now, only_in=row.only_in)
        if row.hold == Hold.NONE:
            block(row, cause, by=by, now=now, reason=reason)
        note([row.pk], what="Replaced", by=by, reason=f"By token {fresh.pk}.", now=now)
        note([fresh.pk], what="Replaces", by=by, reason=f"Token {row.pk}.", now=now)
    return fresh


def tell_again(token: Token, *, now: datetime, only: Collection[int] | None = None) -> int:
    """Owe it to these connections, or to all. Returns how many messages are owed."""
    if not token.party.ours:
        raise UnableToChange(f"It belongs to {token.party}, a partner: there is nobody to tell.")
    with transaction.atomic():
        return owe(token.party_id, [(token.object_id, token.type)], now=now, only=only)


def countries(text: str) -> list[str]:
    """Countries as staff write them, `DE, NLD`, as alpha-3. Raises UnableToChange."""
    known = set(ALPHA_3.values())
    found = []
    for word in text.replace(",", " ").upper().split():
        code = ALPHA_3.get(word, word)
        if code not in known:
            raise UnableToChange(f"{word} is no country code: write such as DE or DEU.")
        found.append(code)
    return sorted(set(found))


def _locked(token: Token) -> Token:
    row = Token.objects.select_for_update(no_key=True, of=("self",)).select_related("party").get(pk=token.pk)
    if not row.party.ours:
        raise UnableToChange(f"It belongs to {row.party}, a partner: it changes when they tell us.")
    return row


def _restrict(pk: int, only_in: Sequence[str]) -> None:
    Token.objects.filter(pk=pk).update(only_in=list(only_in))


def _save(party: Party, tree: Tree, *, now: datetime, since: datetime | None = None) -> int:
    """`since`: what it was last changed at; time never runs backwards for partners."""
    stamp = milliseconds(now) if since is None else max(milliseconds(now), since)
    whole = tree | {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "last_updated": date_time_text(stamp),
    }
    value = parsed(whole)
    wrong = [wire_json.Violation((name,), sentence) for name, sentence in faults(value)]
    if wrong:
        raise wire_json.Invalid(wrong)
    (item,) = store(party.pk, [(whole, value)], now=now, ours=True)
    return item.id
