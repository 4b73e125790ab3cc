"""`manage.py generate_locations`: a network as large as a country's, for measurements."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection as database

from backoffice.demo.actions.generating import BATCH, generate
from backoffice.demo.actions.loading import UnableToLoad
from backoffice.partners.actions.connections import UnableToConnect
from backoffice.roaming_site import site


class Command(BaseCommand):
    help = "Generate many locations for a party of ours, for measurements; refuses beside real data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--locations", type=int, default=87_000, help="default: %(default)s, the public ones of NL")
        parser.add_argument("--evses", type=int, default=219_000, help="default: %(default)s")
        parser.add_argument("--party", default="NL-GEN", help="whose they are, CC-PID (default: %(default)s)")
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        country_code, _, party_id = options["party"].upper().partition("-")
        if (len(country_code), len(party_id)) != (2, 3):
            raise CommandError(f"{options['party']!r} is no party: write it as CC-PID, e.g. NL-GEN.")
        began, done = time.monotonic(), 0
        try:
            for done in generate(
                country_code=country_code,
                party_id=party_id,
                locations=options["locations"],
                evses=options["evses"],
                seed=options["seed"],
                now=site.now(),
            ):
                if done % (20 * BATCH) == 0:
                    self.stdout.write(f"{done} locations after {time.monotonic() - began:.0f} s")
        except (UnableToLoad, UnableToConnect) as error:
            raise CommandError(str(error)) from error
        with database.cursor() as cursor:  # or the planner goes on with the statistics of an empty table
            cursor.execute("ANALYZE locations_location, locations_evse, locations_statusevent")
        self.stdout.write(f"{done} locations and {options['evses']} EVSEs in {time.monotonic() - began:.1f} s.")
