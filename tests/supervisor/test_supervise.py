"""The supervisor alone, with toy parts: order, failures, restarts and ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from backoffice.supervisor.data_directory import BASE_DIR
from backoffice.supervisor.supervise import WORKED_AFTER
from tests.supervisor.platform import PATIENCE, wait_for


class Toy:
    def __init__(self, folder: Path, *parts: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.supervisor.toy", str(folder), *parts],
            cwd=BASE_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def wait_until_ready(self) -> None:
        wait_for(lambda: bool(self.state().get("ready")), "the toy platform")

    def said(self) -> str:
        return self.process.communicate(timeout=PATIENCE)[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        return self.said()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_parts_start_in_order_and_a_step_counts_when_it_is_done(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "second", "step", "first")
    toy.wait_until_ready()
    assert set(toy.state()["parts"]) == {"first", "second"}
    said = toy.end()
    assert [line.split()[0] for line in said.splitlines()] == ["first", "step", "second", "Stopping."]
    assert toy.process.returncode == 0
    assert not (tmp_path / "state.json").exists()


def test_a_part_that_is_killed_is_started_again(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "first", "program")
    toy.wait_until_ready()
    for name in ("first", "program"):
        before = toy.state()["parts"][name]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda name=name, before=before: toy.state()["parts"].get(name) not in (None, before), name)  # type: ignore[misc]  # mypy infers no type for a lambda's defaults
    said = toy.end()
    assert said.count("ended (killed by SIGKILL); it starts again in 0.2 s") == 2


def test_who_dies_early_waits_longer_each_time_and_who_has_worked_comes_back_at_once(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "first")
    toy.wait_until_ready()
    for worked in (0.0, 0.0, 0.0, WORKED_AFTER + 0.3, 0.0):
        before = toy.state()["parts"]["first"]
        time.sleep(worked)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda before=before: toy.state()["parts"].get("first") not in (None, before), "another")  # type: ignore[misc]  # mypy infers no type for a lambda's defaults
    assert re.findall(r"it starts again in (\S+) s", toy.end()) == ["0.2", "0.5", "1", "0.2", "0.5"]


def test_a_part_that_never_comes_up_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "first", "broken")
    said = toy.said()
    assert toy.process.returncode == 1
    assert said.count("ended (exit code 3)") == 3
    assert "broken failed (exit code 3):\nthe reason" in said


def test_a_step_that_fails_ends_the_start_at_once_with_its_sentence(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "first", "broken-step", "never")
    said = toy.said()
    assert toy.process.returncode == 1
    assert "broken-step failed (exit code 1):\nA plain sentence.\n" in said
    assert "never" not in said


def test_a_step_may_have_several_tries(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "first", "patient-step")
    toy.wait_until_ready()
    assert (tmp_path / "tries").read_text() == "3"
    assert toy.end().count("it starts again") == 2


def test_a_part_that_does_not_stop_is_killed_after_its_patience(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "stubborn")
    toy.wait_until_ready()
    pid = toy.state()["parts"]["stubborn"]
    assert "did not stop in time and was killed" in toy.end()
    assert gone(pid)


def test_asking_twice_stops_without_patience(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "very-stubborn")
    toy.wait_until_ready()
    pid = toy.state()["parts"]["very-stubborn"]
    toy.process.send_signal(signal.SIGINT)
    assert toy.process.stdout is not None
    while toy.process.stdout.readline().strip() != "Stopping.":
        pass
    assert "was killed" in toy.end(signal.SIGINT)
    assert gone(pid)


def test_what_a_part_started_ends_with_it(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "family")
    toy.wait_until_ready()
    before, grandchild = toy.state()["parts"]["family"], int((tmp_path / "grandchild").read_text())
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: gone(grandchild), "the end of what it had started")
    wait_for(lambda: toy.state()["parts"].get("family") not in (None, before), "another")
    grandchild = int((tmp_path / "grandchild").read_text())
    toy.end()
    wait_for(lambda: gone(grandchild), "the end of what the second one had started")


def test_parts_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "first", "program")
    toy.wait_until_ready()
    pids = toy.state()["parts"].values()
    toy.end(signal.SIGKILL)
    wait_for(lambda: all(gone(pid) for pid in pids), "the end of all parts")


def test_a_part_hears_a_signal_from_its_first_moment(tmp_path: Path) -> None:
    """Stopped right after its start, while it still has the handlers of its supervisor, it ends all the same."""
    code = """
import os, signal, sys, time
from pathlib import Path
from backoffice.supervisor.process import start
signal.signal(signal.SIGTERM, lambda *_: None)
for _ in range(20):
    child = start("toy", lambda _ready: time.sleep(60), Path(sys.argv[1]), [])
    child.send(signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(child.pid, 0)[1]) == signal.SIGTERM
    child.sweep_up()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log")],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=PATIENCE / 2,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
