"""What is found in a tariff, at its place: findings of the lint and violations of the wire class, in words for staff."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backoffice.tariffs.rules.lint import Level
from ocpi.wire import json as wire_json

LEVELS = {Level.ERROR: ("bad", "error"), Level.WARNING: ("warn", "warning"), Level.NOTE: ("busy", "info")}


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding or a violation at its place. `path`: as the fields of the form are named; `label`: the place in words."""

    code: str
    level: str
    sentence: str
    path: str
    label: str

    @property
    def tone(self) -> str:
        return LEVELS[Level(self.level)][0]

    @property
    def icon(self) -> str:
        return LEVELS[Level(self.level)][1]

    @property
    def target(self) -> str:
        """The id of the field or the card."""
        return "f-" + self.path.replace(".", "-") if self.path else ""

    @property
    def is_invalid(self) -> bool:
        return self.code == INVALID


INVALID = "invalid"


def counted_from_one(words: str) -> str:
    """The engine counts elements from 0, as JSON does; staff see cards from 1 on."""
    words = re.sub(
        r"elements\[(\d+)\](?:\.price_components\[(\d+)\])?",
        lambda at: f"element {int(at[1]) + 1}" + (f", price {int(at[2]) + 1}" if at[2] else ""),
        words,
    )
    words = re.sub(r"\belements (\d+) and (\d+)\b", lambda at: f"elements {int(at[1]) + 1} and {int(at[2]) + 1}", words)
    return re.sub(r"(?:^|(?<=[.] ))[a-z]", lambda first: first[0].upper(), words)


def path_of(place: str) -> str:
    return place.replace("[", ".").replace("]", "")


def label_of(path: str) -> str:
    """`elements.1.price_components.0.vat` as `Element 2, price 1, vat`."""
    words: list[str] = []
    for step in path.split("."):
        if step.isdigit() and words:
            words[-1] = {"elements": "element", "price components": "price"}.get(words[-1], words[-1])
            words[-1] += f" {int(step) + 1}"
        elif step:
            words.append(step.replace("_", " "))
    joined = ", ".join(word for word in words if word != "restrictions")
    return joined[:1].upper() + joined[1:] if joined else "The tariff"


def violated(violation: wire_json.Violation) -> Remark:
    path = ".".join(map(str, violation.path))
    return Remark(INVALID, Level.ERROR.value, violation.message, path, label_of(path))
