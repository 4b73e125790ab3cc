"""Starts and ends the processes of a platform.

Every part is a child of the supervisor, forked from it. A part written in Python goes on with what the supervisor has
already loaded, which saves it the time and the memory of loading the apps again; a program is executed in its place.
Each child leads a process group of its own, so that Ctrl-C reaches the supervisor alone, and ends with its supervisor.
"""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from backoffice.supervisor.child import die_with_parent, take_name
from backoffice.supervisor.data_directory import UnableToUseDataDirectory
from backoffice.supervisor.postgres import UnableToRunPostgres

# What a child calls once it does its work; a part that is asked instead (`Part.answers`) never calls it.
SayReady = Callable[[], None]
Work = Callable[[SayReady], None]

LARGEST_LOG = 10_000_000

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
"""Signals that mean something to the supervisor and must mean to its children what they mean to every program."""


class UnableToPrepare(Exception):
    """A step of the start failed for a reason that a person can mend. The message is written for that person."""


EXPLAINED = (UnableToPrepare, UnableToRunPostgres, UnableToUseDataDirectory)


@dataclass(frozen=True)
class Child:
    """A running process: its id, where it says that it is ready, and where its output of this run begins."""

    pid: int
    ready_pipe: int
    log: Path
    log_start: int

    def said_ready(self) -> bool:
        try:
            return os.read(self.ready_pipe, 1) == b"1"
        except BlockingIOError:
            return False

    def output(self, lines: int = 20) -> str:
        """The last lines that this process wrote."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return "\n".join(log.read()[-16_384:].decode(errors="replace").strip().splitlines()[-lines:])

    def send(self, number: signal.Signals) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def sweep_up(self) -> None:
        """Kill what is left of the process group, and forget the process."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        os.close(self.ready_pipe)


def start(name: str, work: Work, log: Path, close: Iterable[int]) -> Child:
    """Fork a child that does ``work`` and then ends. ``close`` are descriptors that it must not hold open."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    log_descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    log_start = os.fstat(log_descriptor).st_size
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # A signal to the child that arrives before it has let go of our handlers would else be handled by them: for nothing.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    pid = os.fork()
    if pid == 0:
        _be_child(name, work, parent, log_descriptor, writing, [reading, *close])
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.close(log_descriptor)
    os.close(writing)
    return Child(pid, reading, log, log_start)


def _be_child(name: str, work: Work, parent: int, log: int, writing: int, close: Iterable[int]) -> NoReturn:
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        for descriptor in (nothing, log, *close):
            os.close(descriptor)
        take_name(name)
        die_with_parent(signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel knew that we follow it
            os._exit(1)
        work(lambda: _say_ready(writing))
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except EXPLAINED as error:
        print(error, file=sys.stderr)
    except BaseException:  # noqa: BLE001  # the last line of defence of a process that must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say_ready(writing: int) -> None:
    try:
        os.write(writing, b"1")
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EBADF):
            raise


def program(
    command: list[str], *, environment: dict[str, str] | None = None, before: Callable[[], None] | None = None
) -> Work:
    """The work of becoming another program."""

    def execute(_say_ready: SayReady) -> None:
        if before is not None:
            before()
        os.chdir("/")
        variables = os.environ if environment is None else environment
        os.execvpe(command[0], command, variables)  # noqa: S606  # no shell is wanted

    return execute


def ended_how(status: int) -> str:
    """The end of a process in words, from what waitpid told."""
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"
