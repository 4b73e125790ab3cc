#!/usr/bin/env python3
"""Runs Roamdesk's commands; ``manage.py help`` lists them.

``--data-dir DIR`` works with every command and names the platform that it acts on (so does ROAMDESK_DATA_DIR). It is
taken off the command line here, before Django loads, because the settings are read from that directory.
"""

import os
import sys


def take_data_directory(arguments: list[str]) -> list[str]:
    """Move ``--data-dir`` from the arguments into the environment; what follows a bare ``--`` is left alone."""
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return [*rest, argument, *remaining]
        if argument == "--data-dir":
            value = next(remaining, "")
        elif argument.startswith("--data-dir="):
            value = argument.partition("=")[2]
        else:
            rest.append(argument)
            continue
        if not value:
            sys.exit("--data-dir needs a directory, for example: --data-dir var/main")
        os.environ["ROAMDESK_DATA_DIR"] = os.path.abspath(value)
    return rest


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  # who runs an older Python by mistake reads a sentence
        sys.exit(f"Roamdesk needs Python 3.11 or newer; this is Python {sys.version.split()[0]} ({sys.executable}).")
    arguments = take_data_directory(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    try:
        if arguments[1:2] == ["up"]:  # starts its servers before it loads Django
            from backoffice.supervisor.up import main as up

            sys.exit(up(arguments[2:]))
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as missing:
        sys.exit(
            f"The Python package {missing.name!r} is not installed for {sys.executable}.\n"
            "Run `make install`, then use .venv/bin/python manage.py (or `make run`, which does both)."
        )
    execute_from_command_line(arguments)


if __name__ == "__main__":
    main()
