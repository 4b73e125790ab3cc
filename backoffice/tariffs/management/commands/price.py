"""`manage.py price FILE|-`: JSON lines in, the price of each out. Stable: tests, scripts and people rely on it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from backoffice.tariffs.rules.lines import price_line

CHUNK, WINDOW = 200, 20


class Command(BaseCommand):
    help = (
        "Price CDRs by their tariffs. Each input line is a JSON object: tariff (one or a list), cdr, and optionally"
        " version, timezone, tax_rates [{name, percentage}] and reservation_outcome (used, expired, cancelled)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="JSON lines; - for standard input")
        parser.add_argument("--explain", action="store_true", help="print a bill with reasons instead of JSON")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to use")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["jobs"] < 1:
            raise CommandError("--jobs: expected a number of at least 1.")
        answer = partial(price_line, explain=options["explain"])
        with ExitStack() as opened:
            source: BinaryIO = sys.stdin.buffer
            if options["file"] != "-":
                try:
                    source = opened.enter_context(Path(options["file"]).open("rb"))
                except OSError as error:
                    raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
            lines = (line for line in source if line.strip())
            try:
                for answered in _answered(lines, answer, options["jobs"]):
                    self._write(answered)
            except BrokenPipeError:  # the reader has seen enough; nothing is to be flushed into the closed pipe at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _write(self, answers: list[bytes]) -> None:
        data = b"".join(answer + b"\n" for answer in answers)
        binary = getattr(self.stdout, "buffer", None)
        if binary is None:  # a caller in Python
            self.stdout.write(data.decode(), ending="")
        else:
            binary.write(data)
            binary.flush()


def _answered(lines: Iterator[bytes], answer: partial[bytes], jobs: int) -> Iterator[list[bytes]]:
    if jobs == 1:
        for line in lines:
            yield [answer(line)]
        return
    # not fork: a child of a process with threads inherits locks that nobody gives back; a forked pool hung at its end
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        chunks = _chunks(lines)
        while window := list(islice(chunks, jobs * WINDOW)):  # a pool reads all of an iterator at once
            yield from pool.map(partial(_chunk, answer), window)


def _chunks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


def _chunk(answer: partial[bytes], lines: Iterable[bytes]) -> list[bytes]:
    return [answer(line) for line in lines]
