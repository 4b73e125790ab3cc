"""The company that is played from a script: what it says is OCPI 2.2.1, wrong only where it means to be; whom it answers."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backoffice.demo.actions.joining import Terms
from backoffice.demo.stilwater import documents
from backoffice.demo.stilwater.documents import BILLING, Charge
from backoffice.demo.stilwater.platform import KEPT, Platform
from backoffice.supervisor.data_directory import DataDirectory
from backoffice.tariffs.rules import price
from backoffice.tariffs.rules.verify import verify
from ocpi import versions
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.cdrs import CDR
from ocpi.wire.locations import Location
from ocpi.wire.sessions import Session
from ocpi.wire.tariffs import Tariff
from ocpi.wire.tokens import Token
from tests.peer import assert_ocpi_answer, call

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CARD = {"country_code": "DE", "party_id": "RDK", "uid": "04A1", "type": "RFID", "contract_id": "DE-RDK-C1"}
CHARGE = Charge("0000002A", CARD, 1, NOW, "REF-1")
ENDED = NOW + timedelta(minutes=2)
BILL = documents.cdr(CHARGE, kwh=Decimal("0.617"), ended=ENDED, tariff_since=NOW)


def newest(cls: type[Wire], tree: Any) -> Any:
    """As our platform reads it from the wire."""
    return wire_json.validate(cls, versions.up("2.2.1", cls, wire_json.parse(wire_json.encode(tree))))


def test_what_it_says_is_valid() -> None:
    assert len({newest(Token, tree).uid for tree in documents.tokens(NOW)}) == len(documents.CARDS)
    place = newest(Location, documents.location(NOW))
    assert [evse.uid for evse in place.evses] == list(documents.EVSES)
    assert place.evses[0].connectors[0].tariff_ids == [newest(Tariff, documents.tariff(NOW)).id]
    for over in (False, True):
        told = newest(Session, documents.session(CHARGE, kwh=Decimal("0.4"), now=ENDED, over=over))
        assert (told.status, told.end_date_time is not None) == ("COMPLETED" if over else "ACTIVE", over)
    for way in BILLING:
        for bill in way(BILL):
            newest(CDR, bill)


def test_a_bill_is_right_unless_it_is_meant_not_to_be() -> None:
    def differences(tree: Any) -> set[str]:
        bill = newest(CDR, tree)
        ours = price(bill.tariffs, bill.charging_periods, end=bill.end_date_time)
        return {found.field for found in verify(bill, ours)}

    assert differences(BILL) == set()
    assert differences(documents.dearer(BILL)) == {"total_cost", "total_energy_cost"}
    bills = [way(BILL) for way in BILLING]
    assert [len(sent) for sent in bills] == [1, 1, 2, 2, 2]
    assert bills[0] == [BILL]
    assert bills[1][0]["total_cost"]["excl_vat"] > BILL["total_cost"]["excl_vat"]
    assert bills[2] == [BILL, BILL]
    assert [bill["id"] for bill in bills[3]] == [BILL["id"]] * 2
    assert bills[3][0] != bills[3][1]
    assert bills[4][1]["id"] != BILL["id"]
    assert bills[4][1]["cdr_token"]["party_id"] != CARD["party_id"]


@pytest.fixture
def company() -> Iterator[Platform]:
    with Platform("127.0.0.1", 0, token="secret", since=NOW, clock=lambda: NOW) as platform:
        thread = threading.Thread(target=platform.serve_forever, daemon=True)
        thread.start()
        yield platform
        platform.closing.set()
        platform.shutdown()
        thread.join()


def endpoints(company: Platform) -> dict[str, str]:
    (version,) = assert_ocpi_answer(call("GET", company.versions_url, "secret"))
    details = assert_ocpi_answer(call("GET", version["url"], "secret"))
    return {each["identifier"]: each["url"] for each in details["endpoints"]}


def test_its_lists_are_found_from_the_versions_on(company: Platform) -> None:
    doors = endpoints(company)
    for module, count in (("tokens", len(documents.CARDS)), ("locations", 1), ("tariffs", 1)):
        answer = call("GET", f"{doors[module]}?offset=0&limit=50", "secret")
        assert len(assert_ocpi_answer(answer)) == count
        assert answer.headers["X-Total-Count"] == str(count)
    roles = assert_ocpi_answer(call("GET", doors["credentials"], "secret"))["roles"]
    assert [(role["party_id"], role["role"]) for role in roles] == [("STW", "CPO"), ("STW", "EMSP")]


@pytest.mark.parametrize("token", [None, "other"])
def test_strangers_are_turned_away(company: Platform, token: str | None) -> None:
    assert call("GET", company.versions_url, token).status == 401
    assert call("POST", f"{company.url}/ocpi/2.2.1/receiver/cdrs", token, body=b"{}").status == 401
    assert not company.cdrs


def test_a_cdr_is_found_where_it_says_and_only_so_many_are_kept(company: Platform) -> None:
    door = endpoints(company)["cdrs"]
    answer = call("POST", door, "secret", body=wire_json.encode(BILL))
    assert_ocpi_answer(answer)
    assert assert_ocpi_answer(call("GET", answer.headers["Location"], "secret"))["id"] == BILL["id"]
    for number in range(KEPT):
        company.keep(BILL | {"id": str(number)})
    assert len(company.cdrs) == KEPT
    assert call("GET", answer.headers["Location"], "secret").status == 404


def test_whether_a_card_may_charge_is_never_answered(company: Platform) -> None:
    door = endpoints(company)["tokens"]
    threading.Timer(0.3, company.closing.set).start()  # it would be 30 seconds
    with pytest.raises(OSError, match=r"closed|reset|without response"):
        call("POST", f"{door}/{documents.uid(1)}/authorize", "secret", body=b"{}")


def test_the_terms_are_written_once_and_for_nobody_else(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    terms = Terms.of(data, now=NOW)
    assert terms.shown_by_us != terms.shown_to_us
    terms.write(data)
    assert Terms.of(data, now=NOW + timedelta(days=1)) == terms
    assert (tmp_path / "stilwater.json").stat().st_mode & 0o077 == 0
