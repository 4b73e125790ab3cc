"""A database that has every migration, made once per run and copied into the folders of platforms that tests start.

The migrations of two platforms cost twenty seconds of a processor, and several tests start two. What a first start does about
its database is tried in test_up.py, on a folder of its own.
"""

import fcntl
import os
import signal
import subprocess
from pathlib import Path

from backoffice.supervisor.data_directory import DataDirectory
from tests.supervisor.platform import Platform, free_port


def lend_cluster(*sides: DataDirectory) -> None:
    """Put a migrated database where each platform will look for its own. The folders must be empty, and open to the database's
    account (see platform.open_folder)."""
    run = Path(os.environ["ROAMDESK_TESTS_FOLDER"])
    made = run / "migrated"
    with (run / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            first = Platform(run / "first", free_port())
            first.wait_until_ready()
            first.end(signal.SIGINT)
            (run / "first" / "postgres").rename(made)
    for side in sides:
        side.root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(made), str(side.postgres)], check=True)
        subprocess.run(
            ["cp", "-a", str(run / "first" / "admin.json"), str(side.root)], check=True
        )  # the account is in there
