"""The three groups exist after the migrations and hold what their table says."""

import pytest
from django.contrib.auth.models import Group

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("group", "may", "may_not"),
    [
        ("Operations", {"change_location", "view_exchange", "change_connection"}, {"delete_location", "view_user"}),
        (
            "Finance",
            {"view_location", "view_connection", "add_export", "run_export", "download_export"},
            {"change_location", "view_exchange", "change_connection", "run_job"},
        ),
        (
            "Support",
            {"view_token", "block_token", "view_authorization", "view_session"},
            {"see_uid", "change_token", "add_token", "view_exchange", "steer_session"},
        ),
        ("Read-only", {"view_location", "view_exchange"}, {"change_location", "change_message", "add_pull"}),
    ],
)
def test_group_holds_its_permissions(group: str, may: set[str], may_not: set[str]) -> None:
    held = set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))
    assert may <= held
    assert not may_not & held
    assert group != "Read-only" or all(codename.startswith("view_") for codename in held)
