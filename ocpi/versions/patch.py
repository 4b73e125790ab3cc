"""PATCH: what a stored object becomes when a peer names a few of its fields, in its own version.

A PATCH body holds only what changes (`transport_and_format#transport_and_format_patch`). Its fields are those of the
object that the URL names and replace them whole: an object or a list in the body is the new value, not a part of one.
An explicit null is kept as null, which means the same as leaving the field out: it resets an optional field to its
default, and validation refuses it for a required one. Whether a PATCH must name last_updated is a fact of the
version, checked by the door.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ocpi.versions.version import Node

IDENTITIES = ("uid", "id", "parking_id", "language", "start_date_time")
"""Fields that tell the objects of a list apart, in the order in which they are tried."""


def overlay(stored: Node, body: Mapping[str, Any], *, appends: Collection[str] = ()) -> Node:
    """The stored object with the fields of the body.

    `appends`: lists of which a PATCH only brings new entries (charging_periods of a Session, T-272); an entry equal
    to one that is there already is a repeat, and null adds nothing (T-273).
    """
    result = {**stored, **body}
    for name in appends:
        if name in body:
            before, more = stored.get(name) or [], body[name]
            if more is None:
                more = []
            if type(before) is list and type(more) is list:
                result[name] = [*before, *(entry for entry in more if entry not in before)]
    return result


def transfer(stored: Any, base: Any, new: Any) -> Any:
    """`stored`, changed by the difference from `base` to `new`; `base` is what is left of `stored` in an older version.

    What only `stored` has was invisible to whoever made the change, and stays.
    """
    if base == new:
        return stored
    if type(stored) is dict and type(base) is dict and type(new) is dict:
        result = {name: value for name, value in stored.items() if name in new or name not in base}
        for name, value in new.items():
            if name not in base:
                result[name] = value
            elif base[name] != value:
                result[name] = transfer(stored.get(name), base[name], value)
        return result
    if type(stored) is list and type(base) is list and type(new) is list:
        return _transfer_list(stored, base, new)
    return new


def _transfer_list(stored: list[Any], base: list[Any], new: list[Any]) -> list[Any]:
    if all(type(entry) is str for entry in (*stored, *base, *new)):
        return _transfer_words(stored, base, new)
    identity = _identity(stored, base, new)
    if identity is not None:
        ours = {entry[identity]: entry for entry in stored}
        theirs = {entry[identity]: entry for entry in base}
        result = [
            transfer(ours[entry[identity]], theirs[entry[identity]], entry) if entry[identity] in theirs else entry
            for entry in new
        ]
        named = {entry[identity] for entry in new}
        return result + [entry for key, entry in ours.items() if key not in theirs and key not in named]
    if len(stored) == len(base):
        return [transfer(stored[at], base[at], entry) if at < len(base) else entry for at, entry in enumerate(new)]
    return new


def _transfer_words(stored: list[str], base: list[str], new: list[str]) -> list[str]:
    """What was added stands where something was taken away, so that a peer who sees one entry sees the new one."""
    seen, wanted = set(base), set(new)
    added = [word for word in new if word not in seen]
    result: list[str] = []
    for word in stored:
        if word not in seen or word in wanted:
            result.append(word)
        else:
            result += added
            added = []
    result += added
    invisible = [word for word in stored if word not in seen and word not in wanted]
    in_order = [word for word in result if word in wanted] == new
    return result if in_order else new + invisible


def _identity(*lists: list[Any]) -> str | None:
    """The field by which the objects of these lists can be told apart, if there is one."""
    for name in IDENTITIES:
        if all(_tells_apart(name, entries) for entries in lists):
            return name
    return None


def _tells_apart(name: str, entries: list[Any]) -> bool:
    keys = [entry.get(name) if type(entry) is dict else None for entry in entries]
    return all(type(key) is str for key in keys) and len(set(keys)) == len(keys)
