"""The worked examples of the specification, from the facts beside the repository."""

from pathlib import Path
from typing import Any

import pytest

from ocpi.wire.json import parse

_FILE = Path(__file__).resolve().parents[3] / "shared" / "ocpi" / "tariff_vectors.json"


def vectors() -> list[Any]:
    """As parameters of a test; one that is skipped where the facts are missing."""
    if not _FILE.exists():
        return [
            pytest.param(None, marks=pytest.mark.skip(reason=f"the facts are not beside the repository ({_FILE.name})"))
        ]
    tree: Any = parse(_FILE.read_bytes())
    return [pytest.param(vector, id=vector["name"]) for vector in tree["vectors"]]
