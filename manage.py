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


def run(arguments: list[str]) -> None:
    """A command of Django or of ours. Reasons that a person can mend end in a sentence, as they do at the start."""
    from django.core.management import execute_from_command_line
    from django.db import InterfaceError, OperationalError

    try:
        execute_from_command_line(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read along has seen enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OperationalError, InterfaceError) as error:
        state = getattr(error.__cause__, "sqlstate", None)
        if "--traceback" in arguments or (state is not None and not state.startswith(("08", "57P"))):
            raise
        sys.exit(f"{no_database()}\n({' '.join(str(error).split())})")


def no_database() -> str:
    from django.conf import settings

    if os.environ.get("DATABASE_URL"):
        return "The database that DATABASE_URL names does not answer. Start that server, or correct DATABASE_URL."
    folder = settings.DATA_DIRECTORY.root
    return (
        f"The platform in {folder} does not run, so its database does not answer.\n"
        f"Start it with `make run` or `manage.py up --data-dir {folder}`, and run this command beside it. "
        "Another platform is named with --data-dir DIR."
    )


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  # who runs an older Python by mistake reads a sentence
        sys.exit(f"Roamdesk needs Python 3.11 or newer; this is Python {sys.version.split()[0]} ({sys.executable}).")
    arguments = take_data_directory(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    try:
        if arguments[1:2] == ["up"]:  # starts its servers before it loads Django
            from backoffice.supervisor.up import main as up

            sys.exit(up(arguments[2:]))
        import django  # noqa: F401  # or the sentence below
    except ModuleNotFoundError as missing:
        sys.exit(
            f"The Python package {missing.name!r} is not installed for {sys.executable}.\n"
            "Run `make install`, then use .venv/bin/python manage.py (or `make run`, which does both)."
        )
    run(arguments)


if __name__ == "__main__":
    main()
