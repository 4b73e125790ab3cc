"""`manage.py restore FILE`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice.supervisor.backup import UnableToBackUp, UnableToRestore, restore
from backoffice.supervisor.data_directory import DataDirectory
from backoffice.supervisor.process import EXPLAINED


class Command(BaseCommand):
    help = "Bring back a backup, in a platform that does not run. Deliveries to partners are paused afterwards."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            self.stdout.write(restore(DataDirectory.from_environment(), file.absolute()))
        except (UnableToRestore, UnableToBackUp, *EXPLAINED) as error:
            raise CommandError(str(error)) from error
