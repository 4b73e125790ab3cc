"""The measured server: production's WSGI application, and beside it the raw bound, in one granian with production's settings.

`python -m bench.serving PORT` serves until it is stopped. `/raw/NAME` answers with the bytes of the file NAME in the folder
BENCH_RAW, without entering Django.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any


@cache
def _bytes(name: str) -> bytes:
    return (Path(os.environ["BENCH_RAW"]) / name).read_bytes()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if not path.startswith("/raw/"):
        return _django()(environ, start_response)
    data = _bytes(path[5:])
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


@cache
def _django() -> Callable[..., Iterable[bytes]]:
    from backoffice.wsgi import application as made

    return made


if __name__ == "__main__":
    from backoffice.supervisor.memory import spare_the_collector
    from backoffice.supervisor.servers import web

    _django()
    spare_the_collector()
    web("127.0.0.1", int(sys.argv[1]), "bench.serving:application")(lambda: None)
