"""What the answer of an eMSP means when we ask for a CDR at the URL where it keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Found(StrEnum):
    """SAME: it has what we sent. OTHER: it has something else. GONE: it has nothing there. UNKNOWN: nobody can tell."""

    SAME = "SAME"
    OTHER = "OTHER"
    GONE = "GONE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Finding:
    found: Found
    sentence: str = ""


def read(
    *, http_status: int | None, ocpi_status: int | None, data: Any, reason: str, same: Callable[[Any], bool]
) -> Finding:
    """`data`: of an answer that was delivered; `same`: whether it is the CDR as we sent it."""
    if http_status == 404 or ocpi_status in (2003, 2004):
        return Finding(Found.GONE, "The partner has nothing at the URL that it gave us.")
    if http_status is None or not 200 <= http_status < 300 or ocpi_status is None or not 1000 <= ocpi_status < 2000:
        return Finding(Found.UNKNOWN, f"The partner could not be asked: {reason}"[:300])
    if isinstance(data, list) and len(data) == 1:
        data = data[0]  # some answer with a list of one
    if not isinstance(data, dict) or not data:
        return Finding(Found.GONE, "The partner answers without a CDR at the URL that it gave us.")
    if same(data):
        return Finding(Found.SAME)
    return Finding(Found.OTHER, "The partner has another CDR than the one that we sent.")
