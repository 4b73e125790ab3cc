"""`manage.py simulate`: the charge points of the demo live, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import random
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from backoffice.charge_points import door
from backoffice.demo.simulator import Simulator, charge_points
from backoffice.roaming_site import site


class Command(BaseCommand):
    help = "Simulate our charge points of the demo: their EVSEs change status and report it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, default=1.5, help="seconds between two changes on average (default: %(default)s)"
        )
        parser.add_argument("--seed", type=int, help="draw the same numbers again (default: others each time)")
        parser.add_argument("--changes", type=int, help="end after so many (default: go on)")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():  # nobody else may take signals
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        simulator = Simulator(
            look=lambda: door.outlast(charge_points, stop),
            clock=site.now,
            every=options["every"],
            chance=random.Random(options["seed"]),  # a simulation, nothing secret
            changes=options["changes"],
        )
        door.serve(simulator, stop)
