"""A toy platform for test_supervise: parts of a few lines, run by the real supervisor in a process of its own.

`python -m tests.supervisor.toy FOLDER NAME...` with the names of the parts below.
"""

import os
import signal
import sys
import time
from pathlib import Path

from backoffice.supervisor.process import SayReady, UnableToPrepare, program
from backoffice.supervisor.supervise import Part, Supervisor, UnableToStart

FOLDER = Path(sys.argv[1])


def live(say_ready: SayReady) -> None:
    say_ready()
    time.sleep(600)


def stubborn(say_ready: SayReady) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    live(say_ready)


def parent_of_one(say_ready: SayReady) -> None:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        (FOLDER / "grandchild").write_text(str(child))
    live(say_ready)


def break_down(_say_ready: SayReady) -> None:
    print("the reason")
    raise SystemExit(3)


def explain(_say_ready: SayReady) -> None:
    raise UnableToPrepare("A plain sentence.")


def succeed_the_third_time(_say_ready: SayReady) -> None:
    tries = FOLDER / "tries"
    count = int(tries.read_text()) + 1 if tries.exists() else 1
    tries.write_text(str(count))
    if count < 3:
        raise UnableToPrepare("Not yet.")


def do_nothing(_say_ready: SayReady) -> None:
    pass


PARTS = {
    "first": Part("first", live),
    "step": Part("step", do_nothing, after=("first",), once=True),
    "second": Part("second", live, after=("step",)),
    "program": Part("program", program(["sleep", "600"]), answers=lambda: True),
    "stubborn": Part("stubborn", stubborn, stop_patience=0.5),
    "very-stubborn": Part("very-stubborn", stubborn, stop_patience=600),
    "family": Part("family", parent_of_one),
    "broken": Part("broken", break_down),
    "broken-step": Part("broken-step", explain, once=True, tries=1),
    "patient-step": Part("patient-step", succeed_the_third_time, once=True),
    "never": Part("never", live, after=("broken-step",)),
}


def main() -> int:
    chosen = [PARTS[name] for name in sys.argv[2:]]
    supervisor = Supervisor(
        chosen, FOLDER, FOLDER / "state.json", lambda line: print(line, flush=True), time.monotonic(), lambda: None
    )
    supervisor.take_signals()
    try:
        supervisor.run()
    except UnableToStart as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
