"""Pytest plugin: which worker of pytest-xdist runs which tests, and in which order. Without workers it changes nothing.

Tests of an `xdist_group` stay together, so what they share is started once; so do those of a file, for the sake of its
fixtures. What takes longest begins first, and short ones fill up the end, so that the workers end at the same time.

pytest-xdist has this as `--dist loadgroup`, but writes the group into the id of a test, where pytest 9.2 no longer looks.
Here ids stay as they are: each worker writes down what it found when it collected, and the scheduler reads it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

MOST_TOGETHER = 50
"""Tests of a file that need no database."""

LONGEST_FIRST = ("quiet platform", "browser", "foreign", "platform", "backup", "platform-of-files")

Made = TypeVar("Made")


def group_of(item: pytest.Item | None) -> str:
    mark = item.get_closest_marker("xdist_group") if item else None
    return str(mark.args[0]) if mark else ""


def _place(item: pytest.Item) -> tuple[int, str]:
    """When its turn comes, and what it is run with."""
    group, file = group_of(item), item.nodeid.split("::")[0]
    if group in LONGEST_FIRST:
        return LONGEST_FIRST.index(group), group
    if group or item.get_closest_marker("e2e"):
        return len(LONGEST_FIRST), group or item.nodeid
    needs = getattr(item, "fixturenames", ())
    if item.get_closest_marker("django_db") or not {"db", "transactional_db", "live_server"}.isdisjoint(needs):
        return len(LONGEST_FIRST) + 1, file
    return len(LONGEST_FIRST) + 2, file


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    places = {item: _place(item) for item in items}
    sizes: dict[tuple[int, str], int] = {}
    for place in places.values():
        sizes[place] = sizes.get(place, 0) + 1
    # Python's sort keeps the order of those of one place.
    items.sort(key=lambda item: (places[item][0], -sizes[places[item]], places[item][1]))
    seen: dict[tuple[int, str], int] = {}
    units = {}
    for item in items:
        rank, name = places[item]
        seen[rank, name] = number = seen.get((rank, name), 0) + 1
        units[item.nodeid] = f"{name} {number // MOST_TOGETHER}" if rank > len(LONGEST_FIRST) + 1 else f"{name} {rank}"
    _units_file(config.workerinput["workerid"]).write_text(json.dumps(units))


def _units_file(worker: str) -> Path:
    return Path(os.environ["ROAMDESK_TESTS_FOLDER"]) / f"units-of-{worker}.json"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Spreading(LoadScopeScheduling):
        """In the order in which the workers found them."""

        units: dict[str, str] = {}

        def schedule(self) -> None:
            if not self.units:
                self.units = json.loads(_units_file(self.nodes[0].gateway.id).read_text())
            super().schedule()

        def _split_scope(self, nodeid: str) -> str:
            return self.units[nodeid]

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            super().mark_test_complete(node, item_index, duration)
            self._forget_done(node)

        def _forget_done(self, node: Any) -> None:
            """xdist would count them anew after each test."""
            for unit, tests in list(self.assigned_work[node].items()):
                if all(tests.values()):
                    del self.assigned_work[node][unit]

    config.option.loadscopereorder = False
    return Spreading(config, log)


class Sharing:
    """What the tests of one group share: made by the first that asks, ended when the turn comes to another group."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._made: dict[str, Any] = {}

    def __call__(self, name: str, make: Callable[[], AbstractContextManager[Made]]) -> Made:
        if name not in self._made:
            self._made[name] = self._stack.enter_context(make())
        return self._made[name]  # type: ignore[no-any-return]

    def end(self) -> None:
        self._made.clear()
        self._stack.close()


@pytest.fixture(scope="session")
def sharing() -> Iterator[Sharing]:
    yield _sharing
    _sharing.end()


_sharing = Sharing()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    try:
        yield
    finally:
        if group_of(item) != group_of(nextitem):
            _sharing.end()
