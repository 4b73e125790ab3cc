"""The official examples of the chapter at our doors: those that are listed as wrong need the repairs of their connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backoffice.partners.models import Connection, Party
from backoffice.payments.actions.terminals import providing
from backoffice.payments.models import Terminal
from backoffice.roaming_site import site
from tests.doors.asking import Asking
from tests.factories import Partner

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "ocpi" / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("payment_*.json"))

pytestmark = pytest.mark.skipif(not NAMES, reason="the official example files are not part of this repository")

REPAIRS = ["accept_prices_with_vat", "accept_other_urls"]
WRONG = {"payment_terminal_put_update.json"}
"""Not taken without repairs. Without its time, or with some fields only, a terminal is."""


def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


def tolerant(partner: Partner) -> None:
    Connection.objects.filter(pk=partner.connection.pk).update(repairs=REPAIRS)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "assignment" not in name and "put" not in name and "terminal" in name]
)
def test_a_terminal_comes_in_and_goes_out(paying: Asking, name: str) -> None:
    posted = paying.ask("POST", "2.3.0/receiver/payments/terminals", example(name))
    assert posted.says == (201, 1000)
    told = json.loads(example(name))
    read: dict[str, Any] = paying.get(posted.headers["Location"]).data
    lists = {"location_ids", "evse_uids"}  # an assignment is ours to make
    assert {key: read[key] for key in told.keys() - lists} == {key: told[key] for key in told.keys() - lists}


@pytest.mark.parametrize(
    ("method", "name"),
    [("PATCH", "payment_terminal_location_assignment.json"), ("PUT", "payment_terminal_put_update.json")],
)
def test_a_cpo_says_what_the_examples_say(ptp: Party, cpo: Partner, charging: Asking, method: str, name: str) -> None:
    providing.create(party=ptp, customer=cpo.party, fields={"terminal_id": "T-1"}, by="anna", now=site.now())
    Terminal.objects.update(last_updated="2020-01-01T00:00:00Z")
    door = "2.3.0/sender/payments/terminals/T-1"
    assert charging.ask(method, door, example(name)).says == (200, 2001 if name in WRONG else 1000)
    tolerant(cpo)
    assert charging.ask(method, door, example(name)).says == (200, 1000)
    row = Terminal.objects.get()
    assert (len(row.location_ids), row.customer_reference) == ((3, "") if method == "PATCH" else (0, "OMV"))


def test_an_activation_as_the_example_says_it(ptp: Party, cpo: Partner, charging: Asking) -> None:
    door = "2.3.0/sender/payments/terminals/activate"
    assert charging.ask("POST", door, example("payment_terminal_activate.json")).says == (200, 1000)
    row = Terminal.objects.get()
    assert (row.state, row.reference, len(row.location_ids)) == ("ACTIVE", "Term-SerialNumber", 1)
