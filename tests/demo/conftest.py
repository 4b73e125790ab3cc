"""Two whole platforms for who needs them quiet: started once for all tests that only add to what is there."""

from collections.abc import Iterator

import pytest

from tests.demo.platforms import Platform, run_platforms


@pytest.fixture(scope="session")
def quiet_platform() -> Iterator[Platform]:
    """Without the simulators' traffic. Who uses it says so with `pytest.mark.xdist_group("quiet platform")`, and neither kills a
    part nor counts what others may have added. Each worker that runs such a test starts its own: pytest-xdist 3.8 does not
    keep groups together under pytest 9.2."""
    yield from run_platforms("--no-traffic")
