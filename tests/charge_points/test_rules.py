"""What hardware may say, for every pair of statuses."""

import pytest

from backoffice.charge_points.rules.reports import why_refused
from ocpi.wire.locations import Status

BY_STAFF = {"PLANNED", "REMOVED"}


@pytest.mark.parametrize("current", list(Status))
@pytest.mark.parametrize("reported", list(Status))
def test_hardware_neither_sets_nor_ends_what_staff_decide(current: Status, reported: Status) -> None:
    refused = why_refused(current, reported)
    assert (refused is not None) == bool({current.value, reported.value} & BY_STAFF)


def test_the_sentence_names_the_status_that_stands_in_the_way() -> None:
    assert "cannot report REMOVED" in str(why_refused(Status.AVAILABLE, Status.REMOVED))
    assert "is PLANNED" in str(why_refused(Status.PLANNED, Status.AVAILABLE))
