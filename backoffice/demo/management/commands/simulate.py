"""`manage.py simulate`: the charge points of the demo live, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import random
import signal
import threading
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backoffice.charge_points import door
from backoffice.demo.actions import offering
from backoffice.demo.actions.loading import SEED
from backoffice.demo.rules.drivers import PROGRAMME
from backoffice.demo.rules.pace import PACES
from backoffice.demo.simulator import Activity, Simulator, board
from backoffice.demo.simulator.afar import FromAfar
from backoffice.demo.simulator.booking import ByBooking
from backoffice.demo.simulator.cards import cards
from backoffice.demo.simulator.charging import Charging, Reads
from backoffice.demo.simulator.life import Life
from backoffice.demo.simulator.obeying import Obeying
from backoffice.demo.simulator.obeying import Reads as ReadsToObey
from backoffice.demo.simulator.terminals import Terminals
from backoffice.partners.actions import connections
from backoffice.roaming_site import site

CARDS_AT_ONCE = 4
"""Cards that are asked about at once; the rest of the world goes on meanwhile."""

VISITS = {"endless": None, "programme": PROGRAMME, "none": ()}


class Command(BaseCommand):
    help = "Simulate our charge points of the demo: drivers charge there, and they change status and report it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, default=3, help="seconds between two changes on average (default: %(default)s)"
        )
        parser.add_argument("--seed", type=int, help="draw the same numbers again (default: others each time)")
        parser.add_argument("--changes", type=int, help="no drivers: only change status, so many times, and end")
        parser.add_argument(
            "--visits",
            choices=[*VISITS],
            default="endless",
            help="programme: let everything happen once, nothing else, and end; none: go on with charges that run, and end",
        )
        parser.add_argument(
            "--haste", type=float, default=1, help="cars are full so many times sooner (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():  # nobody else may take signals
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        chance = random.Random(options["seed"])  # a simulation, nothing secret
        pool = ThreadPoolExecutor(CARDS_AT_ONCE, thread_name_prefix="card")
        charging = None if options["changes"] is not None else self._charging(stop, chance, pool, options)
        obeying = self._obeying(stop, chance, charging) if charging else None
        activities: list[Activity] = [each for each in (charging, obeying) if each is not None]
        if options["visits"] == "endless":
            activities.append(
                Life(
                    lambda: door.outlast(board.charge_points, stop),
                    site.now,
                    every=options["every"],
                    chance=chance,
                    taken=lambda: [*(charging.taken() if charging else ()), *(obeying.taken() if obeying else ())],
                    changes=options["changes"],
                )
            )
            if charging:
                activities.append(FromAfar(site.now, chance=chance))
                activities.append(self._booking(stop, chance, charging))
                activities.append(Terminals(site.now, chance=chance))
        try:
            door.serve(
                Simulator(activities, site.now, obeying),
                stop,
                driver="simulator" if obeying else "",
                drives=board.driven,
            )
        finally:
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _charging(
        stop: threading.Event, chance: random.Random, pool: ThreadPoolExecutor, options: dict[str, Any]
    ) -> Charging:
        side = str(settings.PLATFORM.get("side") or "home")
        coming = VISITS[options["visits"]]
        return Charging(
            Reads(
                points=lambda: door.outlast(board.charge_points, stop),
                sockets=lambda evse_id: door.outlast(lambda: board.sockets(evse_id), stop),
                ongoing=lambda: door.outlast(board.ongoing, stop),
            ),
            site.now,
            cards=cards(side, seed=SEED),
            pace=PACES[side].times(options["haste"]),
            chance=chance,
            aside=pool.submit,
            programme=None if coming is None else iter(coming),
        )

    @staticmethod
    def _booking(stop: threading.Event, chance: random.Random, charging: Charging) -> ByBooking:
        for party in connections.own_parties():
            offering.open_places(party, now=site.now())
        return ByBooking(
            site.now,
            chance=chance,
            sockets=lambda evse_id: door.outlast(lambda: board.sockets(evse_id), stop),
            show=lambda evse_id, socket, card, tell, stay: charging.show(evse_id, socket, card, tell, stay=stay),
            taken=charging.taken,
        )

    @staticmethod
    def _obeying(stop: threading.Event, chance: random.Random, charging: Charging) -> Obeying:
        return Obeying(
            ReadsToObey(
                points=lambda: door.outlast(board.charge_points, stop),
                sockets=lambda evse_id: door.outlast(lambda: board.sockets(evse_id), stop),
                reservations=lambda: door.outlast(board.reservations, stop),
            ),
            charging,
            site.now,
            chance=chance,
        )
