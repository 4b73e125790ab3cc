"""`manage.py backup FILE`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice.supervisor.backup import UnableToBackUp, back_up
from backoffice.supervisor.data_directory import DataDirectory
from backoffice.supervisor.process import EXPLAINED


class Command(BaseCommand):
    help = "Write the whole platform (database, secrets, uploaded files) into one file. It may run meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            size = back_up(DataDirectory.from_environment(), file.absolute())
        except (UnableToBackUp, *EXPLAINED) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{file}: {size / 1e6:.1f} MB. It holds the platform's secrets: keep it as safe as those.")
