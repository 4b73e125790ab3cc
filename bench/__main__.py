"""`python -m bench [NAME ...]`: run the named measurements, or all; each on a new ground."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

import bench

WITHOUT_GROUND = ("latency", "starts", "client")
"""These bring what they need."""

NAMES = (
    "pages",
    "depth",
    "patches",
    "authorise",
    "pull",
    "cdrs",
    "lists",
    "finding",
    "latency",
    "starts",
    "staff",
    "chargers",
    "slots",
    "client",
    "home",
    "export",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=bench.__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each variant in each round")
    parser.add_argument("--data-dir", type=Path, help="keep the database here and use it again (one NAME only)")
    parser.add_argument("--rows", type=int, help="instead of as many as the figure is for")
    options = parser.parse_args()
    if options.rows:
        os.environ["BENCH_ROWS"] = str(options.rows)  # for the processes below, too
    names = options.names or list(NAMES)
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"there is no measurement {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if len(names) > 1:  # a process each: Django is set up once in a process, for one database
        arguments = ["--rounds", str(options.rounds), "--seconds", str(options.seconds)]
        return max(subprocess.call([sys.executable, "-m", "bench", name, *arguments]) for name in names)
    from bench.ground import Ground

    ground = None if names[0] in WITHOUT_GROUND else Ground(options.data_dir)
    measure = f"bench.{names[0]}"
    try:
        if ground is not None:
            ground.start()
        lines = importlib.import_module(measure).main(ground, rounds=options.rounds, seconds=options.seconds)
    finally:
        if ground is not None:
            ground.stop()
    return int(any(line.met is False for line in lines))


if __name__ == "__main__":
    sys.exit(main())
