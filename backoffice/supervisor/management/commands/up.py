"""Lists ``up`` among the commands. manage.py itself runs it, because it must start before Django loads."""

import os
import sys
from typing import NoReturn

from django.core.management.base import BaseCommand

from backoffice.supervisor.data_directory import BASE_DIR


class Command(BaseCommand):
    help = "Run a whole platform: database, broker, web, worker, beat and sweep, until Ctrl-C (up --help tells more)."

    def run_from_argv(self, argv: list[str]) -> NoReturn:
        again = [sys.executable, str(BASE_DIR / "manage.py"), *argv[1:]]
        os.execv(sys.executable, again)  # noqa: S606  # no shell is wanted
