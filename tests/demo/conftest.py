"""Two whole platforms for who needs them quiet: started once for all tests that only add to what is there."""

from contextlib import contextmanager

import pytest

from tests.demo.platforms import Platform, run_platforms
from tests.spreading import Sharing


@pytest.fixture(scope="module")
def quiet_platform(sharing: Sharing) -> Platform:
    """Without the simulators' traffic. Who uses it says so with `pytest.mark.xdist_group("quiet platform")`, and neither kills a
    part nor counts what others may have added."""
    return sharing("quiet platform", lambda: contextmanager(run_platforms)("--no-traffic"))
