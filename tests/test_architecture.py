"""Who may import whom: the contracts of pyproject.toml hold, none of them is empty, and each of them bites."""

import ast
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.application.use_cases import _register_contract_types, read_user_options
from importlinter.configuration import configure
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import Contract, registry

ROOT = Path(__file__).resolve().parents[1]
FILES = [path for room in ("ocpi", "backoffice") for path in sorted((ROOT / room).rglob("*.py"))]

# For each contract an import that it must refuse. The importer and the imported need not exist.
PLANTED = {
    "the protocol knows nothing of the business": [("ocpi.site", "backoffice.urls")],
    "what is said, and how others say it, is plain Python": [
        ("ocpi.wire.base", "django"),
        ("ocpi.versions.walker", "django"),
        ("ocpi.versions.walker", "rest_framework"),
    ],
    "the protocol is layered: server, client and site, then versions, then wire": [
        ("ocpi.wire.base", "ocpi.versions.walker"),
        ("ocpi.versions.walker", "ocpi.site"),
        ("ocpi.wire.base", "ocpi.client"),
    ],
    "one room opens connections to others": [("ocpi.server", "socket"), ("backoffice.planted.actions", "socket")],
    "rules decide without Django": [("backoffice.planted.rules", "django"), ("backoffice.planted.rules", "celery")],
    "rules know nothing of models and actions": [
        ("backoffice.planted.rules", "backoffice.planted.models"),
        ("backoffice.planted.rules", "backoffice.planted.actions"),
    ],
    "models know nothing of actions": [("backoffice.planted.models", "backoffice.planted.actions")],
    "nothing inside imports a door, and no door another door": [
        ("backoffice.planted.actions", "backoffice.planted.roaming"),
        ("backoffice.planted.admin", "backoffice.planted.tasks"),
        ("backoffice.planted.models", "backoffice.planted.admin"),
        ("backoffice.planted.actions", "backoffice.planted.door"),
        ("backoffice.planted.roaming", "backoffice.planted.management"),
        ("backoffice.planted.actions", "backoffice.planted.api"),
        ("backoffice.planted.api", "backoffice.planted.door"),
    ],
    "apps build on lower apps only": [
        ("backoffice.partners.planted", "backoffice.delivery.planted"),
        ("backoffice.delivery.planted", "backoffice.locations.planted"),
        ("backoffice.locations.planted", "backoffice.charge_points.planted"),
        ("backoffice.delivery.planted", "backoffice.supervisor"),
        ("backoffice.celery", "backoffice.partners.planted"),
    ],
}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("ocpi", "backoffice", include_external_packages=True, cache_dir=None)


@cache
def contracts() -> dict[str, Contract]:
    configure()
    options = read_user_options(config_filename=str(ROOT / "pyproject.toml"))
    _register_contract_types(options)
    return {
        chosen["name"]: registry.get_contract_class(chosen["type"])(
            name=chosen["name"], session_options=options.session_options, contract_options=chosen
        )
        for chosen in options.contracts_options
    }


def declared() -> list[dict[str, Any]]:
    chosen: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    return chosen


NAMES = [contract["name"] for contract in declared()]


def test_each_contract_has_a_planted_import() -> None:
    assert set(PLANTED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_contract_is_kept(name: str) -> None:
    check = contracts()[name].check(deepcopy(graph()), verbose=False)
    assert check.kept, check.metadata


@pytest.mark.parametrize(
    ("name", "importer", "imported"),
    [(name, importer, imported) for name, plants in PLANTED.items() for importer, imported in plants],
)
def test_contract_refuses_a_planted_import(name: str, importer: str, imported: str) -> None:
    planted = deepcopy(graph())
    for module in (importer, imported):
        if module not in planted.modules:
            planted.add_module(module)
        if ".planted." in module:  # a package of its own, which an exhaustive contract would refuse for another reason
            planted.add_module(module.rpartition(".")[0])
    contract = contracts()[name]
    if isinstance(contract, LayersContract):
        contract.exhaustive = False
    planted.add_import(importer=importer, imported=imported)
    assert not contract.check(planted, verbose=False).kept


def _names(contract: dict[str, Any]) -> Iterator[str]:
    """Every module that a contract names, without those in parentheses: they may be missing."""
    for field in ("source_modules", "forbidden_modules", "protected_modules", "allowed_importers"):
        yield from contract.get(field, [])
    for container in contract.get("containers", []):
        for layer in contract["layers"]:
            for tail in layer.replace("|", ":").split(":"):
                if not tail.strip().startswith("("):
                    yield f"{container}.{tail.strip()}"


@pytest.mark.parametrize(
    ("contract", "name"), [(contract["name"], name) for contract in declared() for name in _names(contract)]
)
def test_contract_names_what_exists(contract: str, name: str) -> None:
    found = graph().find_matching_modules(name) if "*" in name else {name} & graph().modules
    assert found, f"{contract!r} names {name}, which is nowhere"


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_client_speaks_http_to_others() -> None:
    """The socket contract sees direct use; a library that opens sockets by itself would pass it."""
    libraries = ("http.client", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "asyncio")
    allowed = (ROOT / "ocpi" / "client", ROOT / "backoffice" / "supervisor")
    found = [
        (str(path.relative_to(ROOT)), name)
        for path in FILES
        if not path.is_relative_to(allowed[0]) and not path.is_relative_to(allowed[1])
        for name in _imported(path)
        if name.startswith(libraries)
    ]
    assert found == []


def test_no_room_for_leftovers() -> None:
    """A module named after nothing collects everything."""
    names = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "signals"}
    assert [str(path) for path in FILES if path.stem in names or path.parent.name in names] == []
