"""When two CDRs are the same, and what a told one means beside the stored one.

Laws (mod_cdrs#flow_and_lifecycle): a CDR is never changed once it was sent, so the same id with the same content is a repeat,
and with other content it is a fault of somebody's books that a person must look at. `last_updated` alone is no content: some
platforms write it anew with every answer.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ocpi import versions
from ocpi.wire import json as wire_json
from ocpi.wire.cdrs import CDR

Tree = dict[str, Any]

SENDER_ROLES = frozenset({"CPO"})
RECEIVER_ROLES = frozenset({"EMSP", "PTP", "OTHER"})
"""Who typically issues CDRs and who takes them (`roles.json`)."""


def written(tree: Tree) -> tuple[bytes, str]:
    """The whole as JSON, and a hash of everything but `last_updated`: equal hashes are equal content, unequal ones may still be,
    see `same`. With one walk through it."""
    names = list(tree)
    at = names.index("last_updated")
    before = wire_json.encode({name: tree[name] for name in names[:at]})
    told = wire_json.encode({"last_updated": tree["last_updated"]})
    after = wire_json.encode({name: tree[name] for name in names[at + 1 :]})
    return _joined(before, told, after), hashlib.sha256(_joined(before, after)).hexdigest()


def _joined(*objects: bytes) -> bytes:
    return b"{" + b",".join([each[1:-1] for each in objects if each != b"{}"]) + b"}"


def same(one: Tree, other: Tree, *, versions_told: tuple[str, str] = (versions.NEWEST, versions.NEWEST)) -> bool:
    """Whether two trees of the newest version say the same, however they write it: 1.0 or 1, null or nothing, Z or not.

    Where they were told in different versions, by what the older of the two can say of both.
    """
    if _plain(one) == _plain(other):
        return True
    if versions_told[0] == versions_told[1]:
        return False
    oldest = max(versions_told, key=list(versions.VERSIONS).index)  # newest first
    owner = str(one.get("country_code", "")), str(one.get("party_id", ""))
    context = versions.Context(owner=owner)
    try:
        told = [versions.up(oldest, CDR, versions.down(oldest, CDR, tree, context), context) for tree in (one, other)]
    except versions.Untranslatable:
        return False
    return bool(_plain(told[0]) == _plain(told[1]))


def _plain(tree: Tree) -> Any:
    """As values to compare; what is not told and what is null are the same."""
    return wire_json.validate(CDR, tree).model_dump(exclude_none=True, exclude={"last_updated"})
