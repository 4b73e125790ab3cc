"""The files of deploy/: they parse, and what they name exists."""

import re
import shlex
from typing import Any

import click
import granian.cli
import pytest
import yaml
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from django.core.management import get_commands

from backoffice.celery import app
from backoffice.supervisor.data_directory import BASE_DIR

DEPLOY = BASE_DIR / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "roamdesk"}


def commands() -> dict[str, list[str]]:
    """What each service runs, and what the image runs unless told otherwise."""
    image = re.search(r"^CMD (\[.*?\])", (DEPLOY / "Dockerfile").read_text(), re.DOTALL | re.MULTILINE)
    assert image is not None
    default = yaml.safe_load(image[1].replace("\\\n", " "))
    return {name: service.get("command", default) for name, service in OURS.items()}


def test_the_platform_is_complete() -> None:
    assert set(COMPOSE["services"]) == {"postgres", "valkey", "migrate", "web", "worker", "beat", "sweep"}
    assert set(COMPOSE["volumes"]) == {"postgres", "valkey", "state"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_command_can_be_run(name: str) -> None:
    program, *arguments = commands()[name]
    match program:
        case "python":
            assert (BASE_DIR / arguments[0]).is_file()
            assert arguments[1] in get_commands()
        case "granian":
            context = granian.cli.cli.make_context("granian", arguments)
            assert context.params["app"] == "backoffice.wsgi:application"
        case "celery":
            assert arguments[0] == "--app=backoffice.celery:app"
            verb, *options = arguments[1:]
            context = click.Context(celery, obj=CLIContext(app=app, no_color=True, workdir=None))
            celery.commands[verb].make_context(verb, options, parent=context)
        case _:
            pytest.fail(f"{name} runs {shlex.join([program, *arguments])}, which nobody knows")


def test_the_settings_read_each_variable() -> None:
    settings = (BASE_DIR / "backoffice" / "settings.py").read_text()
    named = {variable for service in OURS.values() for variable in service["environment"]}
    assert [variable for variable in sorted(named) if f'"{variable}"' not in settings] == []


def test_the_example_names_what_must_be_set() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yml").read_text()))
    example = (DEPLOY / "env.example").read_text()
    assert [name for name in sorted(required) if f"\n{name}=" not in example] == []


def test_the_image_copies_what_exists() -> None:
    kept = re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert "manage.py" in kept
    assert [name for name in kept if not (BASE_DIR / name).exists()] == []


FOR_TESTS_ALONE = {"ROAMDESK_CRASH_AT"}


def test_each_variable_is_in_the_manual() -> None:
    """What can be set can be read about."""
    manual = (BASE_DIR / "docs" / "deployment.md").read_text()
    read = {
        name
        for path in (BASE_DIR / "backoffice").rglob("*.py")
        for name in re.findall(r'"((?:ROAMDESK|DATABASE|BROKER)_[A-Z_]+)"', path.read_text())
    }
    assert len(read) > 20
    assert sorted(name for name in read - FOR_TESTS_ALONE if f"`{name}`" not in manual) == []
