"""The facts of the specification, compiled independently of the code (see README.md)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@cache
def facts(name: str) -> Any:
    """The content of `<name>.json`. Shared: do not change it."""
    return json.loads((_HERE / f"{name}.json").read_text())
