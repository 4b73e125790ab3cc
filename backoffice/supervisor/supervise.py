"""Keeps the parts of a platform running: starts each when what it needs is ready, restarts what dies, stops all.

One thread and one loop. It opens no connection of its own that a forked child could inherit, and knows nothing of what
the parts do.
"""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from backoffice.supervisor.process import Child, Work, ended_how, start

# Seconds before a part that died is started again, by how often in a row it died early; the last one repeats. They keep
# a part that cannot start from keeping a processor busy with trying. None is longer: what it waits for, such as the
# database, may be back at any moment, and a try every five seconds costs next to nothing.
RESTART_DELAYS = (0.2, 0.5, 1, 2, 5)
# A part that has worked for so many seconds can start: however often something ends it, it comes back at once.
WORKED_AFTER = 2.0


@dataclass(frozen=True)
class Part:
    """One process of the platform.

    ``after`` names the parts that must be ready first. ``answers`` asks it whether it is ready; without it the part
    says so itself. ``once`` is a step: it is ready when it has ended well. ``tries``: a part that never became ready is
    given up after so many, and the start with it. Times are seconds.
    """

    name: str
    work: Work
    after: tuple[str, ...] = ()
    answers: Callable[[], bool] | None = None
    once: bool = False
    tries: int = 4
    stop_signal: signal.Signals = signal.SIGTERM
    stop_patience: float = 10.0
    note: Callable[[], str] = lambda: ""


@dataclass
class _Run:
    """What became of a part so far."""

    part: Part
    child: Child | None = None
    ready: bool = False
    was_ready: bool = False
    done: bool = False
    failures: int = 0
    started: float = 0.0
    ready_at: float = 0.0
    start_at: float = 0.0


class UnableToStart(Exception):
    """A part did not come up. The message names it and ends with what it wrote last."""


@dataclass
class Supervisor:
    """Runs parts until it is told to stop. ``say`` prints a line; Children close ``not_for_children``."""

    parts: list[Part]
    logs: Path
    state_file: Path
    say: Callable[[str], None]
    began: float
    on_ready: Callable[[], None]
    not_for_children: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._runs = {part.name: _Run(part) for part in self.parts}
        self._stop_asked = 0
        self._all_ready = False
        self._alarm, self._alarm_in = os.pipe()
        for descriptor in (self._alarm, self._alarm_in):
            os.set_blocking(descriptor, False)

    def take_signals(self) -> None:
        """From here on a signal asks for an orderly stop."""
        signal.set_wakeup_fd(self._alarm_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stop_asked += 1

    def add(self, parts: list[Part]) -> None:
        """More parts, to start after those that are known already."""
        self.parts = [*self.parts, *parts]
        self._runs.update({part.name: _Run(part) for part in parts})

    def start(self, *names: str) -> None:
        """Start some parts now, ahead of the loop."""
        for name in names:
            self._start(self._runs[name])

    def run(self) -> None:
        """Until a signal asks to stop. Raises UnableToStart when a part cannot be started at all."""
        try:
            while not self._stop_asked:
                self._reap()
                self._notice_ready()
                self._start_due()
                self._wait(1.0 if all(run.ready or run.done for run in self._runs.values()) else 0.02)
            self.say("Stopping.")
        finally:
            self.stop_all()

    def _wait(self, seconds: float) -> None:
        select.select([self._alarm], [], [], seconds)
        try:
            os.read(self._alarm, 512)
        except BlockingIOError:
            pass

    # --- Starting ---

    def _start_due(self) -> None:
        now = time.monotonic()
        for run in self._runs.values():
            if run.child or run.done or now < run.start_at:
                continue
            if all(self._runs[name].was_ready for name in run.part.after):
                self._start(run)

    def _start(self, run: _Run) -> None:
        run.child = start(
            run.part.name,
            run.part.work,
            self.logs / f"{run.part.name.replace(' ', '-')}.log",
            [*self.not_for_children, self._alarm, self._alarm_in, *self._ready_pipes()],
        )
        run.started = time.monotonic()
        run.ready = False
        self._write_state()

    def _ready_pipes(self) -> list[int]:
        return [run.child.ready_pipe for run in self._runs.values() if run.child]

    def _notice_ready(self) -> None:
        for run in self._runs.values():
            if run.child is None or run.ready or run.part.once:
                continue
            if run.part.answers() if run.part.answers else run.child.said_ready():
                self._now_ready(run)

    def _now_ready(self, run: _Run) -> None:
        took = time.monotonic() - (run.started if run.was_ready else self.began)
        word = "ready again after" if run.was_ready else "done at" if run.part.once else "ready at"
        note = run.part.note()
        self.say(f"  {run.part.name:<12} {word} {took:4.1f} s{'  ' + note if note else ''}")
        run.ready = run.was_ready = True
        run.ready_at = time.monotonic()
        if not self._all_ready and all(other.was_ready for other in self._runs.values()):
            self._all_ready = True
            self.on_ready()
        self._write_state()

    # --- Ends ---

    def _reap(self) -> None:
        for run in self._runs.values():
            if run.child is None:
                continue
            pid, status = os.waitpid(run.child.pid, os.WNOHANG)
            if pid:
                self._ended(run, run.child, status)

    def _ended(self, run: _Run, child: Child, status: int) -> None:
        child.sweep_up()
        worked = time.monotonic() - run.ready_at if run.ready else 0.0
        run.child = None
        run.ready = False
        if run.part.once and status == 0:
            run.done = True
            self._now_ready(run)
            return
        run.failures = 1 if worked > WORKED_AFTER else run.failures + 1
        if not run.was_ready and run.failures >= run.part.tries:
            raise UnableToStart(f"{run.part.name} failed ({ended_how(status)}):\n{child.output()}\nLog: {child.log}")
        delay = RESTART_DELAYS[min(run.failures, len(RESTART_DELAYS)) - 1]
        run.start_at = time.monotonic() + delay
        self.say(f"  {run.part.name:<12} ended ({ended_how(status)}); it starts again in {delay} s; log: {child.log}")
        self._write_state()

    def stop_all(self) -> None:
        """End every part, the last one first. Being asked once more to stop kills the part that is being waited for."""
        answered = 1  # counted from the first request, so that a second one is heard whenever it comes
        for run in reversed(self._runs.values()):
            child = run.child
            if child is None:
                continue
            child.send(run.part.stop_signal)
            deadline = time.monotonic() + run.part.stop_patience
            while os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline or self._stop_asked > answered:
                    answered = max(1, self._stop_asked)
                    self.say(f"  {run.part.name:<12} did not stop in time and was killed")
                    child.send(signal.SIGKILL)
                    os.waitpid(child.pid, 0)
                    break
                self._wait(0.05)
            child.sweep_up()
            run.child = None
        self.state_file.unlink(missing_ok=True)

    def _write_state(self) -> None:
        """Tell others what runs: a parent platform that waits for us, tests that kill parts."""
        state = {
            "pid": os.getpid(),
            "ready": self._all_ready,
            "parts": {name: run.child.pid for name, run in self._runs.items() if run.child},
        }
        unfinished = self.state_file.with_suffix(".new")
        unfinished.write_text(json.dumps(state))
        unfinished.replace(self.state_file)
