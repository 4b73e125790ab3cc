"""What a check found of one module, as a value: counted while it is read, then told as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Report:
    """What the dry pull of one module found. Times in seconds and milliseconds as the names say."""

    url: str
    pages: int = 0
    objects: int = 0
    ok: int = 0
    rejected: int = 0
    counted: int | None = None
    """X-Total-Count of the first page."""
    complete: bool = False
    """The last page was read, so `objects` is all that the partner lists."""
    violations: dict[str, dict[str, Any]] = field(default_factory=dict)
    repairs_applied: dict[str, int] = field(default_factory=dict)
    repairs_suggested: dict[str, int] = field(default_factory=dict)
    paging: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    clock_skew_seconds: float | None = None
    slowest_ms: int = 0
    error: str = ""

    @property
    def good(self) -> bool:
        return not (self.error or self.rejected or self.paging or self.oddities)

    def violate(self, field_name: str, sentence: str, example: str) -> None:
        entry = self.violations.setdefault(field_name, {"count": 0, "sentence": sentence, "example": example})
        entry["count"] += 1

    def note(self, kind: list[str], sentence: str) -> None:
        if sentence not in kind:
            kind.append(sentence)

    def tree(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in self.__slots__}
        return shown | {"repairs_suggested": sorted(self.repairs_suggested), "good": self.good}
