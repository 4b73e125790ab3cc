"""Pytest plugin: checks `rule` marks at collection and notes how the marked tests ended. Works under xdist, because
the ids travel with each report."""

import json
import os
from collections.abc import Generator

import pytest

from tests import rules
from tests.rules import claimed

PROPERTY = "rules"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A wrong claim is an error of collection, like a file that does not import."""
    report = yield
    items = [node for node in report.result or () if isinstance(node, pytest.Item)]
    if complaints := [complaint for item in items for complaint in _complaints(item)]:
        report.outcome = "failed"
        report.longrepr = "\n".join(complaints)
        report.result = []
    return report


def _complaints(item: pytest.Item) -> Generator[str, None, None]:
    if any(mark.kwargs or not mark.args for mark in item.iter_markers("rule")):
        yield f'{item.nodeid}: write rule("T-001", ...)'
    for rule in claimed(item):
        if rule not in rules.rules():
            yield f"{item.nodeid}: there is no rule {rule}"
        elif rule in rules.not_applicable():
            yield f"{item.nodeid}: {rule} is in not_applicable.toml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties.append((PROPERTY, claimed(item)))


class Notes:
    """Collects outcomes in the process that reports; the workers of xdist only run."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not dict(report.user_properties).get(PROPERTY):
            return
        if report.when == "call" or report.outcome != "passed":  # a broken set-up or tear-down proves nothing either
            worst = self.outcomes.get(report.nodeid)
            # An expected failure is reported as skipped, so it proves nothing.
            self.outcomes[report.nodeid] = worst if worst in ("failed", "skipped") else report.outcome

    def pytest_sessionfinish(self) -> None:
        if not self.outcomes:
            return
        fresh = rules.RESULTS.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(rules.results() | self.outcomes, indent=0, sort_keys=True))
        fresh.replace(rules.RESULTS)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Notes(), "rule-notes")
