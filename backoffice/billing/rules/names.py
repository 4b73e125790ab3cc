"""Names of files and folders: what lands on a disk is made of letters that every system takes, and stays below its folder."""

from __future__ import annotations

import re
import unicodedata

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
DEEPEST = 5


class UnableToName(ValueError):
    """This cannot be the name of a folder; the sentence says why."""


def slug(name: str) -> str:
    """Of an export's name: `Neue CDRs, täglich` gives `neue-cdrs-taglich`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-") or "export"


def file_name(name: str, number: int, ending: str) -> str:
    return f"{slug(name)}-{number:06}.{ending}"


def folder(text: str) -> str:
    """A path below the installation's folder, as it is kept. Raises UnableToName."""
    parts = text.strip().strip("/").split("/")
    if text.strip().startswith("/") or "\\" in text or any(part in ("", ".", "..") for part in parts):
        raise UnableToName("Name a folder below the installation's folder for exports, such as finance/cdrs.")
    if len(parts) > DEEPEST:
        raise UnableToName(f"At most {DEEPEST} folders in each other.")
    for part in parts:
        if _PART.fullmatch(part) is None or part.endswith(".") or _RESERVED.fullmatch(part):
            raise UnableToName(f"“{part}” cannot be a folder: use letters, digits, dot, hyphen and underscore.")
    return "/".join(parts)
