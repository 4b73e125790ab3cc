"""`manage.py play_stilwater`: the demo's third company, which has its back office in bad order, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import random
import signal
import threading
from argparse import ArgumentParser
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections as databases

from backoffice.demo.actions.joining import Terms, join
from backoffice.demo.actions.meeting import UnableToMeet
from backoffice.demo.rules.pace import CARELESS
from backoffice.demo.stilwater.charges import Charges
from backoffice.demo.stilwater.platform import Platform
from backoffice.partners.actions.connections import UnableToConnect
from backoffice.roaming_site import site
from ocpi.client import Client

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Play the demo's third company: silent as eMSP, and careless with the CDRs that it sends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--haste", type=float, default=1, help="so many times faster (default: %(default)s)")
        parser.add_argument("--seed", type=int, help="draw the same numbers again (default: others each time)")
        parser.add_argument("--charges", type=int, help="no more than so many (default: go on)")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():  # nobody else may take signals
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        data = settings.DATA_DIRECTORY
        terms = Terms.of(data, now=site.now())
        since = datetime.fromisoformat(terms.since)
        with _listening(terms, since) as platform:
            threading.Thread(target=platform.serve_forever, daemon=True).start()
            Terms.write(replace(terms, port=platform.server_address[1]), data)
            try:
                join(terms, platform.versions_url, clock=site.now)
            except (UnableToMeet, UnableToConnect) as error:
                raise CommandError(str(error)) from error
            databases.close_all()  # from here on it knows us as any partner does
            assert site.client is not None
            Charges(
                Client(site.client.policy),
                versions_url=site.versions_url(),
                token=terms.shown_to_us,
                since=since,
                clock=site.now,
                chance=random.Random(options["seed"]),  # a demo, nothing secret
                pace=CARELESS.times(options["haste"]),
            ).run(stop, count=options["charges"])
            stop.wait()
            platform.closing.set()
            platform.shutdown()


def _listening(terms: Terms, since: datetime) -> Platform:
    """Where it listened before, or elsewhere when somebody else does so now."""
    for port in (terms.port, 0):
        try:
            return Platform(HOST, port, token=terms.shown_by_us, since=since, clock=site.now)
        except OSError:
            if not port:
                raise
    raise AssertionError("the last port is any")
