"""Our eMSP is asked in real time: the answer, the reason that is kept, and what no answer may give away (mod_tokens#post)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backoffice.delivery.models import Exchange
from backoffice.tokens.models import Authorization, Token
from tests import factories
from tests.doors.asking import Answered, Asking, snapshot
from tests.factories import Partner, small_token

VERSIONS = ["2.3.0", "2.2.1"]
CARD = "04A1B2C3"
DOOR = f"2.3.0/sender/tokens/{CARD}/authorize"


@pytest.fixture
def card(partner: Partner) -> Token:
    return factories.own_token(
        small_token(CARD, "DE-RDK", whitelist="NEVER", language="de", x_kept=[1], visual_number="12 34")
    )


def hold(card: Token, kind: str) -> None:
    Token.objects.filter(pk=card.pk).update(hold=kind, held_at=card.created_at)


def row() -> Authorization:
    return Authorization.objects.get()


def authorize(asking: Asking, body: Any = None, path: str = DOOR, **headers: str) -> Answered:
    return asking.ask("POST", path, body, headers=headers)


@pytest.mark.rule("T-372", "T-382", "T-387")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_valid_token_is_allowed_and_told_whole(version: str, card: Token, asking: Asking) -> None:
    answered = authorize(asking, None, DOOR.replace("2.3.0", version))
    assert answered.says == (200, 1000)
    assert answered.data["allowed"] == "ALLOWED"
    assert answered.data["token"] == card.tree()
    assert UUID(answered.data["authorization_reference"])
    assert set(answered.data) == {"allowed", "token", "authorization_reference"}
    assert row().authorization_reference == answered.data["authorization_reference"]
    assert (row().kind, row().allowed, row().how, row().reason_code) == ("ASKED", "ALLOWED", "REAL_TIME", "GOOD")
    assert row().correlation_id == answered.sent["X-Correlation-ID"]
    card.refresh_from_db()
    assert card.last_used_at == row().at
    assert Exchange.objects.latest("id").module == "tokens"


@pytest.mark.rule("T-382")
def test_the_type_is_rfid_unless_it_is_said(card: Token, asking: Asking) -> None:
    user = factories.own_token(small_token(CARD, "DE-RDK", type="APP_USER", whitelist="NEVER"))
    assert authorize(asking).data["token"]["type"] == "RFID"
    assert authorize(asking, path=f"{DOOR}?type=RFID").data["token"]["type"] == "RFID"
    assert authorize(asking, path=f"{DOOR}?type=APP_USER").data["token"] == user.tree()
    assert authorize(asking, path=f"{DOOR}?type=OTHER").says == (404, 2004)


@pytest.mark.parametrize(
    ("held", "words"),
    [("BLOCKED", "gesperrt"), ("EXPIRED", "abgelaufen"), ("NO_CREDIT", "Guthaben"), ("NOT_ALLOWED", "hier nicht")],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_staff_hold_is_answered_as_they_said(
    held: str, words: str, version: str, card: Token, asking: Asking
) -> None:
    hold(card, held)
    answered = authorize(asking, {"location_id": "L1", "evse_uids": ["E1"]}, DOOR.replace("2.3.0", version))
    assert answered.says == (200, 1000)
    assert answered.data["allowed"] == held
    assert answered.data["token"] == card.tree()
    assert answered.data["info"]["language"] == "de"
    assert words in answered.data["info"]["text"]
    assert "location" not in answered.data and "authorization_reference" not in answered.data
    assert (row().allowed, row().reason_code, row().info) == (held, "HELD", answered.data["info"]["text"])
    card.refresh_from_db()
    assert card.last_used_at is None


def test_a_language_that_we_do_not_speak_becomes_english(card: Token, asking: Asking) -> None:
    hold(factories.own_token(small_token("X", "DE-RDK", language="sv")), "BLOCKED")
    assert authorize(asking, path=DOOR.replace(CARD, "X")).data["info"]["language"] == "en"


@pytest.mark.rule("T-112", "T-383", "T-384")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_token_is_404_with_2004_and_no_data(version: str, asking: Asking) -> None:
    answered = authorize(asking, {"location_id": "L1"}, f"{version}/sender/tokens/NOBODYS/authorize")
    assert answered.says == (404, 2004)
    assert "data" not in answered.envelope
    assert (row().allowed, row().reason_code, row().uid) == ("NOT_ALLOWED", "UNKNOWN_TOKEN", "NOBODYS")


# --- where ------------------------------------------------------------------------------------------------------------


def told_of(asking: Asking, **changes: Any) -> None:
    """SE-ELV has told us of location L1 in Sweden with EVSEs E1 and E2."""
    location = factories.small_location("L1", **changes)
    location["evses"].append(location["evses"][0] | {"uid": "E2"})
    assert asking.put("2.3.0/receiver/locations/SE/ELV/L1", location).status == 201


@pytest.mark.rule("T-386", "T-388")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("evses", "expected"),
    [
        ([], []),
        (["E1"], ["E1"]),
        (["e1", "E2"], ["e1", "E2"]),
        (["E1", "E9"], ["E1"]),
    ],
)
def test_of_the_evses_asked_about_those_are_answered_that_exist(
    evses: list[str], expected: list[str], version: str, card: Token, asking: Asking
) -> None:
    told_of(asking)
    answered = authorize(asking, {"location_id": "l1", "evse_uids": evses}, DOOR.replace("2.3.0", version))
    assert answered.data["allowed"] == "ALLOWED"
    assert answered.data["location"] == {"location_id": "l1", "evse_uids": expected}
    assert row().evse_uids == evses


@pytest.mark.rule("T-386", "T-388")
def test_where_none_of_the_evses_exists_nobody_charges(card: Token, asking: Asking) -> None:
    told_of(asking)
    answered = authorize(asking, {"location_id": "L1", "evse_uids": ["E8", "E9"]})
    assert answered.data["allowed"] == "NOT_ALLOWED"
    assert "location" not in answered.data
    assert row().reason_code == "NO_EVSE"


@pytest.mark.rule("T-375")
@pytest.mark.parametrize("status", ["CHARGING", "OUTOFORDER", "INOPERATIVE", "REMOVED", "BLOCKED"])
def test_opening_times_and_status_play_no_part(status: str, card: Token, asking: Asking) -> None:
    told_of(
        asking,
        opening_times={
            "twentyfourseven": False,
            "regular_hours": [{"weekday": 1, "period_begin": "03:00", "period_end": "03:01"}],
        },
        charging_when_closed=False,
    )
    asking.patch("2.3.0/receiver/locations/SE/ELV/L1/E1", {"status": status, "last_updated": "2026-05-01T00:00:00Z"})
    answered = authorize(asking, {"location_id": "L1", "evse_uids": ["E1"]})
    assert answered.data["allowed"] == "ALLOWED"
    assert answered.data["location"]["evse_uids"] == ["E1"]


@pytest.mark.rule("T-376")
def test_a_location_that_nobody_told_us_of_is_no_reason_to_refuse(card: Token, asking: Asking) -> None:
    answered = authorize(asking, {"location_id": "PRIVATE", "evse_uids": ["A", "B"]})
    assert answered.data["allowed"] == "ALLOWED"
    assert answered.data["location"] == {"location_id": "PRIVATE", "evse_uids": ["A", "B"]}


def test_the_location_of_another_partner_is_none_of_this_one(card: Token, asking: Asking) -> None:
    stranger = factories.partner("NO-FJO:CPO", ours=[card.party])
    theirs = factories.small_location("L1", "NO-FJO", country="NOR")
    assert Asking(stranger.token).put("2.3.0/receiver/locations/NO/FJO/L1", theirs).status == 201
    answered = authorize(asking, {"location_id": "L1", "evse_uids": ["E7"]})
    assert answered.data["location"]["evse_uids"] == ["E7"]


@pytest.mark.rule("T-110", "T-385")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_token_for_some_countries_asks_for_the_place(version: str, card: Token, asking: Asking) -> None:
    Token.objects.update(only_in=["DEU"])
    told_of(asking)
    path = DOOR.replace("2.3.0", version)
    answered = authorize(asking, None, path)
    assert answered.says == (200, 2002)
    assert "data" not in answered.envelope
    assert row().reason_code == "LOCATION_NEEDED"
    assert authorize(asking, {"location_id": "L1"}, path).data["allowed"] == "NOT_ALLOWED"
    Token.objects.update(only_in=["DEU", "SWE"])
    assert authorize(asking, {"location_id": "L1"}, path).data["allowed"] == "ALLOWED"
    assert authorize(asking, {"location_id": "UNTOLD"}, path).data["allowed"] == "ALLOWED"  # a Swedish operator's
    Token.objects.update(only_in=["DEU"])
    assert authorize(asking, {"location_id": "UNTOLD"}, path).data["allowed"] == "NOT_ALLOWED"


@pytest.mark.rule("T-396")
def test_a_number_plate_starts_no_charge(partner: Partner, asking: Asking) -> None:
    factories.own_token(small_token("S-RD-17", "DE-RDK", type="LICENSE_PLATE", whitelist="NEVER"))
    answered = authorize(asking, path="2.3.0/sender/tokens/S-RD-17/authorize?type=LICENSE_PLATE")
    assert (answered.data["allowed"], row().reason_code) == ("NOT_ALLOWED", "NOT_FOR_CHARGING")


# --- whose ------------------------------------------------------------------------------------------------------------


def test_the_routing_header_says_which_company_of_ours_is_asked(partner: Partner, asking: Asking) -> None:
    other = factories.own_party("DE-OTH")
    partner.connection.our_parties.add(other)
    factories.own_token(small_token(CARD, "DE-RDK"))
    factories.own_token(small_token(CARD, "DE-OTH", issuer="Other"))

    def issuer(to: str) -> str:
        routing = {"OCPI-to-country-code": "DE", "OCPI-to-party-id": to} if to else {}
        routing |= {"OCPI-from-country-code": "SE", "OCPI-from-party-id": "ELV"} if to else {}
        found: str = authorize(asking, **routing).data["token"]["issuer"]
        return found

    assert (issuer("RDK"), issuer("OTH"), issuer("")) == ("Elverket", "Other", "Elverket")
    assert sorted(Authorization.objects.values_list("party__party_id", flat=True)) == ["OTH", "RDK", "RDK"]


def test_a_cpo_of_ours_alone_answers_for_nobody(db: None) -> None:
    """The door of an eMSP is not there for a connection on which we are none."""
    cpo = factories.own_party("DE-CPO", "CPO")
    partner = factories.partner("NO-FJO:EMSP", ours=[cpo])
    assert authorize(Asking(partner.token)).says == (404, 2001)


BAD: list[tuple[Any, tuple[int, int]]] = [
    (b"", (200, 1000)),  # no body at all is a question without a place
    (b"{", (400, 2001)),
    (b"[]", (200, 2001)),
    (b"null", (200, 2001)),
    ({}, (200, 2001)),
    ({"location_id": None}, (200, 2001)),
    ({"location_id": "x" * 37}, (200, 2001)),
    ({"location_id": "L1", "evse_uids": "E1"}, (200, 2001)),
    ({"location_id": "L1", "evse_uids": [None]}, (200, 2001)),
    ({"location_id": "L1", "evse_uids": ["x" * 37]}, (200, 2001)),
    ({"location_id": "L1", "evse_uids": [f"E{n}" for n in range(5000)]}, (200, 1000)),
    (b'{"location_id": "L1", "location_id": "L2"}', (400, 2001)),
    (b'{"location_id": "L\\u0000"}', (400, 2001)),
]


@pytest.mark.parametrize(("body", "expected"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_nonsense_is_answered_and_decides_nothing(
    body: Any, expected: tuple[int, int], card: Token, asking: Asking
) -> None:
    before = snapshot()
    answered = authorize(asking, body)
    assert answered.says == expected
    if expected != (200, 1000):
        assert snapshot() == before


@pytest.mark.parametrize(
    "path",
    [
        "2.3.0/sender/tokens/%00/authorize",
        "2.3.0/sender/tokens/%C3%84/authorize",
        "2.3.0/sender/tokens//authorize",
        "2.3.0/sender/tokens/A/B/authorize",
        "2.3.0/sender/tokens/authorize",
        f"2.3.0/sender/tokens/{CARD}/AUTHORIZE",
        f"2.3.0/receiver/tokens/{CARD}/authorize",
        "2.3.0/sender/tokens/" + "x" * 255 + "/authorize",
        f"{DOOR}?type=" + "x" * 400,
        f"{DOOR}?type=%00",
        f"{DOOR}?type=RFID%27--",
    ],
)
def test_odd_addresses_are_answered(path: str, card: Token, asking: Asking) -> None:
    answered = asking.ask("POST", path, {"location_id": "L1"})
    assert answered.status in (404, 405), answered.says
    assert answered.code in (2000, 2001, 2004)


def test_the_question_is_logged_without_the_cards_number(card: Token, asking: Asking) -> None:
    authorize(asking, {"location_id": "L1"})
    row = Exchange.objects.latest("id")
    assert CARD not in row.response_body
    assert CARD not in row.url
    assert CARD not in row.object_path
    assert row.object_path.startswith("DE/RDK/")


def test_the_row_and_the_log_are_written_together(card: Token, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the log there is no decision either: the answer was never given."""
    from django.db import OperationalError

    from backoffice.roaming_site import site

    record, calls = site.record, []

    def broken_once(exchange: Any, **given: Any) -> None:
        calls.append(exchange)
        if len(calls) == 1:
            raise OperationalError("no more")
        record(exchange, **given)

    before = snapshot()
    monkeypatch.setattr(site, "record", broken_once)
    assert authorize(asking).status == 503
    assert snapshot() == before


def test_it_is_used_when_it_was_last_used(card: Token, asking: Asking) -> None:
    """A decision that was made later and written first keeps its time."""
    future = card.created_at + timedelta(days=900)
    Token.objects.update(last_used_at=future)
    authorize(asking)
    card.refresh_from_db()
    assert card.last_used_at == future
