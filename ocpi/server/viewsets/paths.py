"""Paths below a module: how they are split, matched and written."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from ocpi.module import Exchanged, Module, PartyRef, Unknown, addressed

_SEGMENT = re.compile("[ -~]{1,255}")


def split_path(path: str) -> tuple[str, ...]:
    """The segments below the module's URL, which the web server has percent-decoded; one trailing slash is tolerated.

    Raises Unknown for what can name nothing: empty segments, and any that are no CiString. Letters beyond ASCII would
    otherwise meet by case folding ("ſ" is "S" in upper case), and NUL would break the query.
    """
    trimmed = path.strip("/") if path.count("/") == len(path) else path.removeprefix("/").removesuffix("/")
    if not trimmed:
        return ()
    segments = tuple(trimmed.split("/"))
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise Unknown("There is nothing at this path.")
    return segments


def qualified(given: str | None, otherwise: str) -> str:
    """A part of a key that comes as a query parameter. Raises Unknown for what can name nothing, as `split_path` does."""
    value = given or otherwise
    if not _SEGMENT.fullmatch(value):
        raise Unknown("There is nothing at this path.")
    return value


def match(template: str, segments: tuple[str, ...]) -> dict[str, str] | None:
    names = [part for part in template.split("/") if part]
    if len(names) != len(segments):
        return None
    found: dict[str, str] = {}
    for name, segment in zip(names, segments, strict=True):
        if name.startswith("{"):
            found[name.strip("{}")] = segment
        elif name != segment:
            return None
    return found


def join_path(*segments: str) -> str:
    """Path segments percent-encoded, joined by one slash: how our own URLs name an object."""
    return "/".join(quote(segment, safe="") for segment in segments)


def object_address(module: Module, url: str, ids: tuple[str, ...], owner: PartyRef) -> str:
    """The address of an object at the Receiver interface whose endpoint is `url`: owner where paths name one, the segment of a
    part, ids, and a query parameter where the key has one."""
    assert isinstance(module.shape, Exchanged)
    segments, query = addressed(module.shape.levels, ids)
    before = owner.key if module.owner_first else ()
    part = (module.identifier,) if module.part_of else ()
    return f"{url.rstrip('/')}/{join_path(*before, *part, *segments)}" + (f"?{urlencode(query)}" if query else "")
