"""What staff prepare: begin a draft, save it, publish it. Nothing of a draft reaches a partner before it is published.

A draft is new, a correction of a published tariff (same id), or the future price that follows one (`replaces`, a new id with a
start; the old one ends there). Prices are never changed under a running charge: sessions keep the version they began under.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from backoffice.fields import DocumentField, milliseconds
from backoffice.partners.models import Party
from backoffice.tariffs.actions.storing import STAFF, Tree, parsed, store
from backoffice.tariffs.models import Draft, Tariff
from backoffice.tariffs.rules import sentence as sentences
from backoffice.tariffs.rules.standing import flaw
from ocpi.wire import json as wire_json
from ocpi.wire import tariffs as wire
from ocpi.wire.base import date_time_text

OWN_FIELDS = ("country_code", "party_id", "last_updated")
"""Set by us on publication; a draft need not have them."""


class UnableToChange(Exception):
    """The change is not possible; the sentence says why and what to do."""


def begin_draft(party: Party, tree: Tree, *, by: User | None, now: datetime, replaces: Tariff | None = None) -> Draft:
    """A new tariff of ours, from nothing, a template or a copy. `replaces`: the published one whose future price it is."""
    if not party.ours:
        raise UnableToChange(f"{party} is a partner: its tariffs change when it tells us.")
    if replaces is not None and replaces.party_id != party.pk:
        raise UnableToChange(f"{replaces} belongs to {replaces.party}, not to {party}.")
    draft = Draft(party=party, replaces=replaces, created_by=by, updated_by=by, created_at=now, updated_at=now)
    _write(draft, tree)
    draft.save()
    return draft


def draft_of(tariff: Tariff, *, by: User | None, now: datetime) -> Draft:
    """The correction of a published tariff of ours: the draft that exists already, or a new one with what is published."""
    if not tariff.party.ours:
        raise UnableToChange(f"{tariff} belongs to {tariff.party}, a partner: it changes when they tell us.")
    if tariff.withdrawn_at is not None:
        raise UnableToChange(f"{tariff} was withdrawn. Copy it to a new tariff instead.")
    known = Draft.objects.filter(tariff=tariff).first()
    if known is not None:
        return known
    draft = Draft(party=tariff.party, tariff=tariff, created_by=by, updated_by=by, created_at=now, updated_at=now)
    _write(draft, _without_our_sentences(tariff.tree()))
    try:
        with transaction.atomic():
            draft.save()
    except IntegrityError:  # somebody else began it in this moment
        return Draft.objects.get(tariff=tariff)
    return draft


def save_draft(draft: Draft, tree: Tree, *, lock: int, by: User | None, now: datetime) -> Draft:
    """Replace the content. `lock`: that of the draft as it was shown. Raises UnableToChange if it was saved since."""
    with transaction.atomic():
        row = Draft.objects.select_for_update().get(pk=draft.pk)
        if row.lock != lock:
            who = row.updated_by.get_username() if row.updated_by else "somebody"
            raise UnableToChange(
                f"{who} saved this draft in the meantime. Open it again to see their version; what you entered is not saved."
            )
        row.lock, row.updated_by, row.updated_at = lock + 1, by, now
        _write(row, tree)
        row.save()
    return row


def discard_draft(draft: Draft) -> None:
    """Throw a draft away. Nothing that partners know changes."""
    draft.delete()


def publish_draft(draft: Draft, *, by: User | None, now: datetime) -> Tariff:
    """Make it the tariff that partners see. Raises wire_json.Invalid with paths into the draft, or UnableToChange.

    An empty `tariff_alt_text` is filled with the sentence of the tariff, and the sentence of the price before is renewed; a text
    that staff wrote is never touched.
    """
    with transaction.atomic():
        row = (
            Draft.objects.select_for_update(of=("self",)).select_related("party", "tariff", "replaces").get(pk=draft.pk)
        )
        tree, value = publishable(row, now=now)
        known = Tariff.objects.filter(party=row.party, object_id__iexact=value.id).first()
        if known is not None and row.tariff_id is None:
            raise UnableToChange(f"There is or was a tariff {known.object_id} already. Choose another id.")
        if row.tariff is not None and row.tariff.object_id != value.id:
            raise UnableToChange(
                f"This is a correction of {row.tariff.object_id}: its id cannot change. Copy it for a tariff with another id."
            )
        (item,) = store(
            row.party_id,
            [(tree, value)],
            source=STAFF,
            said_by=by.get_username() if by else "",
            now=now,
            ours=True,
        )
        if row.replaces is not None:
            _end(row.replaces, value, by=by, now=now)
        row.delete()
    return Tariff.objects.get(pk=item.id)


def publishable(draft: Draft, *, now: datetime) -> tuple[Tree, wire.Tariff]:
    """The tariff as partners would get it. Raises wire_json.Invalid, or UnableToChange with what the engine cannot price."""
    party = draft.party
    stamp = milliseconds(now)
    if draft.tariff is not None:  # newer than what partners hold, whatever the clock did since
        stamp = max(stamp, draft.tariff.last_updated)
    tree = draft.tree() | {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "last_updated": date_time_text(stamp),
    }
    value = parsed(tree)
    wrong = flaw(value)
    if wrong:
        raise UnableToChange(f"It cannot be published: {wrong}")
    if draft.replaces is not None and value.start_date_time is None:
        raise UnableToChange(f"It follows {draft.replaces.object_id}: say from when on, with a start.")
    return with_texts(tree, value, before=draft.tariff.tree() if draft.tariff is not None else None)


def with_texts(tree: Tree, value: wire.Tariff, *, before: Tree | None) -> tuple[Tree, wire.Tariff]:
    """With its sentence as tariff_alt_text where that is empty, or still holds the sentence of the tariff `before`."""
    if not value.tariff_alt_text:
        texts = [{"language": each.language, "text": each.text} for each in sentences.alt_texts(value)]
    elif before is not None and _priced(before):
        told = sentences.renewed(value, parsed(before))
        texts = [
            entry | {"text": new} for entry, new in zip(tree["tariff_alt_text"], told, strict=True) if new is not None
        ]
    else:
        texts = tree["tariff_alt_text"]
    if texts == (tree.get("tariff_alt_text") or []):
        return tree, value
    kept = {name: held for name, held in tree.items() if name != "tariff_alt_text"}
    tree = kept | ({"tariff_alt_text": texts} if texts else {})
    return tree, parsed(tree)


def _without_our_sentences(tree: Tree) -> Tree:
    """For a correction: texts that nobody wrote are not the draft's, publication fills them in anew."""
    if not _priced(tree):
        return tree
    value = parsed(tree)
    if not all(sentences.is_told_by_us(value, text) for text in value.tariff_alt_text):
        return tree
    return {name: held for name, held in tree.items() if name != "tariff_alt_text"}


def _priced(tree: Tree) -> bool:
    try:
        return not flaw(parsed(tree))
    except wire_json.Invalid:  # stored by an older edition of the wire classes
        return False


def problem_of(draft: Draft, *, now: datetime) -> str:
    """Why it cannot be published as it is; empty when it can."""
    try:
        publishable(draft, now=now)
    except (wire_json.Invalid, UnableToChange) as error:
        return str(error)[:500]
    return ""


def _write(draft: Draft, tree: Tree) -> None:
    draft.document = DocumentField.write(tree)
    identity = tree.get("id")
    draft.object_id = identity[:36] if isinstance(identity, str) else ""
    draft.problem = problem_of(draft, now=draft.updated_at)


def _end(tariff: Tariff, successor: wire.Tariff, *, by: User | None, now: datetime) -> None:
    """The old price ends when the new one starts. Raises UnableToChange when it ends before that already, or never began."""
    assert successor.start_date_time is not None
    start = milliseconds(successor.start_date_time)
    if tariff.ends_at is not None and tariff.ends_at < start:
        raise UnableToChange(
            f"{tariff.object_id} ends {tariff.ends_at:%d %b %Y %H:%M} UTC, before the new price starts: there would be no price."
        )
    if tariff.starts_at is not None and start <= tariff.starts_at:
        raise UnableToChange(
            f"{tariff.object_id} itself starts {tariff.starts_at:%d %b %Y %H:%M} UTC: the new price has to start later."
        )
    change_end(tariff, start, by=by, now=now)


def change_end(tariff: Tariff, end: datetime | None, *, by: User | None, now: datetime) -> None:
    """Set or lift the end of a published tariff of ours; partners hear of it."""
    if not tariff.party.ours:
        raise UnableToChange(f"{tariff} belongs to {tariff.party}, a partner: it changes when they tell us.")
    if tariff.withdrawn_at is not None:
        raise UnableToChange(f"{tariff} was withdrawn: it has no end any more.")
    stamp = max(milliseconds(now), tariff.last_updated)
    tree: dict[str, Any] = {name: value for name, value in tariff.tree().items() if name != "end_date_time"}
    if end is not None:
        if tariff.starts_at is not None and end <= tariff.starts_at:
            raise UnableToChange(f"It starts {tariff.starts_at:%d %b %Y %H:%M} UTC; the end has to be later.")
        tree["end_date_time"] = date_time_text(milliseconds(end))
    tree["last_updated"] = date_time_text(stamp)
    store(
        tariff.party_id,
        [(tree, parsed(tree))],
        source=STAFF,
        said_by=by.get_username() if by else "",
        now=now,
        ours=True,
    )
