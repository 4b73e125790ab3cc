"""`python -m tests.rules [-v]`: how much of the specification is proved.

The marks are collected from the tests as they are now; their outcomes are those of the latest run of each test, so run
the tests first. A rule is proved when at least one test claims it and every test that claims it passed.
"""

import contextlib
import io
import sys
from collections import defaultdict

import pytest

from tests import rules


class _Collector:
    def __init__(self) -> None:
        self.tests: defaultdict[str, list[str]] = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for rule in rules.claimed(item):
                self.tests[rule].append(item.nodeid)


def main(arguments: list[str]) -> int:
    collector, said = _Collector(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", str(rules.TESTS)], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        print(said.getvalue())
        return 2
    known, excused, outcomes = rules.rules(), rules.not_applicable(), rules.results()
    ended = {rule: [outcomes.get(test, "not run") for test in tests] for rule, tests in collector.tests.items()}
    proved = {rule for rule, outcomes_of_rule in ended.items() if set(outcomes_of_rule) == {"passed"}}

    print(f"{'chapter':18} {'rules':>6} {'proved':>7} {'not applicable':>15} {'not yet':>8}")
    for module in dict.fromkeys(rule.module for rule in known.values()):
        ids = [rule.id for rule in known.values() if rule.module == module]
        done, outside = sum(rule in proved for rule in ids), sum(rule in excused for rule in ids)
        print(f"{module:18} {len(ids):6} {done:7} {outside:15} {len(ids) - done - outside:8}")
    for rule in known.values() if "-v" in arguments else ():
        if rule.id not in proved and rule.id not in excused:
            print(f"{rule.id} {rule.role} {rule.strength}: {rule.rule}")
    for rule_id, outcomes_of_rule in sorted(ended.items()):
        if rule_id not in proved:
            print(f"{rule_id} is claimed, but its tests: {', '.join(sorted(set(outcomes_of_rule)))}")
    print(f"{len(excused)} rules do not apply (tests/rules/not_applicable.toml says why of each)")
    print(f"{len(proved)} of {len(known)} rules proved")
    return 0


sys.exit(main(sys.argv[1:]))
