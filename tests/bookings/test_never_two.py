"""Never two winners: what the database itself refuses, whoever asks it."""

from __future__ import annotations

import pytest
from django.db import connection

KEEPERS = {"claim_one_an_evse", "token_in_one_booking", "slot_within_capacity"}


@pytest.mark.django_db
def test_the_database_keeps_claims_apart() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conname = ANY(%s)", [sorted(KEEPERS)])
        assert {name for (name,) in cursor.fetchall()} == KEEPERS
