"""`manage.py load_demo`: the invented company of this side of the demo, with its locations."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.demo.actions.loading import SEED, UnableToLoad, load
from backoffice.demo.world.companies import COMPANIES, company_of
from backoffice.partners.actions.connections import UnableToConnect
from backoffice.roaming_site import site


class Command(BaseCommand):
    help = "Load the demo world into this platform, unless it is there; refuses beside real data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SEED, help="another seed, another world (default: %(default)s)")
        parser.add_argument(
            "--side", choices=[company.side for company in COMPANIES], help="whose world (default: this platform's)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PLATFORM.get("demo") is False:
            raise CommandError(
                "This platform was started for real data (--no-demo), which invented data never goes beside.\n"
                "Start another one for the demo: manage.py up --demo --data-dir ANOTHER --port ANOTHER."
            )
        company = company_of(options["side"] or str(settings.PLATFORM.get("side") or "home"))
        try:
            count = load(company, seed=options["seed"], now=site.now())
        except (UnableToLoad, UnableToConnect) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"The demo of {company.name} is here already." if count is None else f"{count} locations of {company.name}."
        )
