"""The ledger must not flatter: what it counts as proved was claimed by a test that ran and passed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import rules

CONFTEST = """
from pathlib import Path
import tests.rules
tests.rules.RESULTS = Path(__file__).parent / "results.json"
pytest_plugins = ["tests.rules.plugin"]
"""
INI = '[pytest]\nmarkers =\n    rule(*ids): claims rules\n    slow: no claim\naddopts = "-p" "no:django"\n'


def run(folder: Path, source: str, *options: str) -> tuple[int, str, dict[str, str]]:
    """Run these tests in a folder of their own: exit code, output, noted outcomes by test name."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_claims.py").write_text("import pytest\nrule = pytest.mark.rule\n" + source)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env={"PYTHONPATH": str(rules.TESTS.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    noted = folder / "results.json"
    outcomes = json.loads(noted.read_text()) if noted.exists() else {}
    return ran.returncode, ran.stdout + ran.stderr, {name.split("::")[-1]: said for name, said in outcomes.items()}


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_it_notes_how_each_claiming_test_ended(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said, outcomes = run(
        tmp_path,
        """
@rule("T-001")
def test_passes(): pass

@rule("T-001", "T-002")
def test_fails(): assert False

@rule("T-003")
@pytest.mark.skip(reason="not here")
def test_skipped(): pass

@rule("T-003")
@pytest.mark.xfail(reason="open")
def test_expected_to_fail(): assert False

@pytest.fixture
def breaks_afterwards():
    yield
    raise RuntimeError

@rule("T-004")
def test_breaks_afterwards(breaks_afterwards): pass

def test_claims_nothing(): pass
""",
        *options,
    )
    assert code == 1, said
    assert outcomes == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_skipped": "skipped",
        "test_expected_to_fail": "skipped",
        "test_breaks_afterwards": "failed",
    }


def test_a_later_run_replaces_what_an_earlier_one_noted(tmp_path: Path) -> None:
    two = '@rule("T-001")\ndef test_one(): assert {}\n@rule("T-002")\ndef test_two(): pass\n'
    assert run(tmp_path, two.format(True))[2] == {"test_one": "passed", "test_two": "passed"}
    assert run(tmp_path, two.format(False), "-k", "one")[2] == {"test_one": "failed", "test_two": "passed"}


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        ('rule("T-999")', "there is no rule T-999"),
        ("rule()", 'write rule("T-001", ...)'),
        ('rule("T-014")', "T-014 is in not_applicable.toml"),
    ],
)
def test_a_wrong_claim_fails_the_collection(
    tmp_path: Path, claim: str, complaint: str, options: tuple[str, ...]
) -> None:
    code, said, outcomes = run(tmp_path, f"@{claim}\ndef test_claims(): pass\n", *options)
    assert code != 0
    assert complaint in said
    assert outcomes == {}


def test_every_rule_that_does_not_apply_exists_and_has_a_reason() -> None:
    excused = rules.not_applicable()
    assert set(excused) <= set(rules.rules())
    assert all(len(reason.split()) >= 4 for reason in excused.values())


def test_the_facts_hold_528_rules() -> None:
    assert len(rules.rules()) == 528
