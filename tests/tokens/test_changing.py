"""What staff do to our own tokens, what they hand over as a file, and what both come to for partners and charge points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.delivery.models import Message
from backoffice.documents.importing import UnableToImport
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.actions import changing, importing
from backoffice.tokens.actions.changing import UnableToChange
from backoffice.tokens.actions.storing import parsed
from backoffice.tokens.models import Token, TokenEvent
from backoffice.tokens.rules import contracts, sheet
from backoffice.tokens.rules.changing import faults, remarks
from backoffice.tokens.rules.words import Cause
from ocpi.wire import json as wire_json
from tests import factories
from tests.factories import small_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Party:
    party = factories.own_party()
    factories.partner(ours=[party], receives=("tokens",))
    return party


def added(party: Party, uid: str = "04A1B2C3", **changes: Any) -> Token:
    return changing.create(party, small_token(uid, str(party), **changes), by="otto", now=site.now())


def events(token: Token) -> list[str]:
    return list(token.events.order_by("id").values_list("what", flat=True))


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contract", "digit"),
    [
        ("NN123ABCDEFGHI", "T"),
        ("FRXYZ123456789", "2"),
        ("ITA1B2C3E4F5G6", "4"),
        ("ESZU8WOX834H1D", "R"),
        ("PT73902837ABCZ", "Z"),
        ("DE83DUIEN83QGZ", "D"),
        ("DE83DUIEN83ZGQ", "M"),
        ("DE8AA001234567", "0"),
    ],
)
def test_the_check_digit_of_known_contracts(contract: str, digit: str) -> None:
    assert contracts.check_digit(contract) == digit
    country, party, instance = contract[:2], contract[2:5], contract[5:]
    whole = contracts.contract_id(country, party, instance)
    assert contracts.doubt(whole, country_code=country, party_id=party) == ""
    assert contracts.doubt(whole.replace("-", ""), country_code=country, party_id=party) == ""
    wrong = whole[:-1] + ("1" if digit != "1" else "2")
    assert contracts.doubt(wrong, country_code=country, party_id=party) == f"Its check digit should be {digit}."
    assert "belongs to XX-YYY" in contracts.doubt(whole, country_code="XX", party_id="YYY")


@pytest.mark.rule("T-391", "T-394")
@pytest.mark.parametrize(
    ("changes", "refused", "remarked"),
    [
        (
            {"contract_id": "DE-RDK-C00012345-6"[:16] + "45-" + contracts.check_digit("DERDKC00012345")},
            [],
            ["contract_id"],
        ),
        ({"type": "APP_USER", "whitelist": "ALLOWED"}, ["whitelist"], ["contract_id"]),
        ({"type": "AD_HOC_USER", "whitelist": "ALWAYS"}, ["whitelist"], ["contract_id"]),
        ({"type": "APP_USER", "whitelist": "NEVER"}, [], ["contract_id"]),
        ({"group_id": "G" * 21}, [], ["contract_id", "group_id"]),
        ({"group_id": "G" * 20}, [], ["contract_id"]),
        ({"uid": ""}, ["uid"], ["contract_id"]),
        ({"uid": " A"}, ["uid"], ["contract_id"]),
        ({"uid": "A/B"}, ["uid"], ["contract_id"]),
        ({"type": ""}, ["type"], ["contract_id"]),
        ({"contract_id": " "}, ["contract_id"], ["contract_id"]),
        ({"issuer": ""}, ["issuer"], ["contract_id"]),
    ],
)
def test_what_a_token_of_ours_may_be(changes: dict[str, Any], refused: list[str], remarked: list[str]) -> None:
    token = parsed(small_token("A", "DE-RDK") | changes)
    assert [name for name, _ in faults(token)] == refused
    assert [name for name, _ in remarks(token)] == remarked


def test_a_token_for_some_countries_that_cpos_may_trust_is_worth_a_word() -> None:
    token = parsed(small_token("A", "DE-RDK"))
    assert "whitelist" in [name for name, _ in remarks(token, only_in=["DEU"])]
    assert "whitelist" not in [name for name, _ in remarks(token)]


# --- one token --------------------------------------------------------------------------------------------------------


def test_a_new_token_is_valid_and_partners_are_owed_it(ours: Party) -> None:
    token = added(ours, valid=False, last_updated="1999-01-01T00:00:00Z")
    assert (token.valid, token.hold, token.tree()["last_updated"][:4]) == (True, "NONE", f"{site.now():%Y}")
    assert Message.objects.get().object_path == "04A1B2C3/RFID"
    assert events(token) == ["Added"]
    with pytest.raises(UnableToChange, match="already"):
        added(ours, "04a1b2c3")
    assert added(ours, type="APP_USER", whitelist="NEVER").pk != token.pk


@pytest.mark.parametrize("wrong", [{"uid": "x" * 37}, {"whitelist": None}, {"type": "APP_USER"}, {"issuer": ""}])
def test_what_cannot_be_is_not_added(wrong: dict[str, Any], ours: Party) -> None:
    with pytest.raises(wire_json.Invalid):
        changing.create(ours, small_token("A", str(ours)) | wrong, by="otto", now=site.now())
    assert not Token.objects.exists() and not Message.objects.exists()


def test_a_partners_token_is_theirs(ours: Party) -> None:
    party = Party.objects.get(party_id="ELV")
    token = factories.their_token(small_token("A"))
    now = site.now()
    for attempt in (
        lambda: changing.create(party, small_token("B"), by="otto", now=now),
        lambda: changing.edit(token, lambda tree: tree | {"issuer": "x"}, by="otto", now=now),
        lambda: changing.block(token, Cause.LOST, by="otto", now=now),
        lambda: changing.unblock(token, reason="x", by="otto", now=now),
        lambda: changing.replace(token, "C", Cause.LOST, by="otto", now=now),
        lambda: changing.tell_again(token, now=now),
        lambda: importing.run(party, importing.File(), now=now, dry_run=True, by="otto"),
    ):
        with pytest.raises((UnableToChange, UnableToImport), match="partner"):
            attempt()
    assert Token.objects.get().tree() == small_token("A")
    assert not Message.objects.exists()


def test_an_edit_keeps_what_is_not_its_business(ours: Party) -> None:
    token = added(ours, x_kept=[1])
    stolen = {"uid": "OTHER", "type": "OTHER", "party_id": "ELV", "valid": False, "issuer": "New"}
    assert changing.edit(token, lambda tree: tree | stolen, by="otto", now=site.now(), only_in=["DEU"])
    token.refresh_from_db()
    tree = token.tree()
    assert (tree["uid"], tree["type"], tree["party_id"], tree["valid"], tree["issuer"], tree["x_kept"]) == (
        "04A1B2C3",
        "RFID",
        "RDK",
        True,
        "New",
        [1],
    )
    assert token.only_in == ["DEU"]
    before = Message.objects.get().generation
    assert not changing.edit(token, lambda tree: tree, by="otto", now=site.now(), only_in=["DEU"])
    assert Message.objects.get().generation == before


@pytest.mark.rule("T-369")
@pytest.mark.parametrize(
    ("cause", "hold"),
    [
        ("LOST", "BLOCKED"),
        ("STOLEN", "BLOCKED"),
        ("UNPAID", "NO_CREDIT"),
        ("ENDED", "EXPIRED"),
        ("NO_ROAMING", "NOT_ALLOWED"),
    ],
)
def test_blocked_and_unblocked(cause: str, hold: str, ours: Party) -> None:
    token = added(ours)
    changing.block(token, Cause(cause), by="sue", reason="rang up", now=site.now())
    token.refresh_from_db()
    assert (token.hold, token.held_for, token.valid, token.tree()["valid"]) == (hold, cause, False, False)
    assert Message.objects.get().generation == 2
    with pytest.raises(UnableToChange, match="held already"):
        changing.block(token, Cause.STOLEN, by="sue", now=site.now())
    with pytest.raises(UnableToChange, match="reason"):
        changing.unblock(token, by="sue", reason=" ", now=site.now())
    changing.edit(token, lambda tree: tree | {"valid": True, "language": "de"}, by="otto", now=site.now())
    token.refresh_from_db()
    assert token.valid is False  # an edit does not let it in again
    changing.unblock(token, by="sue", reason="found", now=site.now())
    token.refresh_from_db()
    assert (token.hold, token.held_at, token.valid) == ("NONE", None, True)
    assert events(token) == ["Added", f"Blocked: {cause.lower()}", "Edited", "Unblocked"]


def test_a_replaced_card_is_blocked_and_its_contract_goes_on(ours: Party) -> None:
    token = added(ours, group_id="FAM", visual_number="1")
    fresh = changing.replace(token, "04FFFFFF", Cause.LOST, visual_number="2", by="sue", now=site.now())
    token.refresh_from_db()
    assert (token.hold, fresh.hold, fresh.valid) == ("BLOCKED", "NONE", True)
    assert (fresh.contract_id, fresh.group_id, fresh.visual_number) == (token.contract_id, "FAM", "2")
    with pytest.raises(UnableToChange, match="already"):
        changing.replace(token, "04ffffff", Cause.LOST, by="sue", now=site.now())
    with pytest.raises(UnableToChange, match="id of the old one"):
        changing.replace(token, "04a1b2c3", Cause.LOST, by="sue", now=site.now())
    assert Token.objects.count() == 2


def test_told_again_to_one_or_to_all(ours: Party) -> None:
    other = factories.partner("NO-FJO:CPO", ours=[ours], receives=("tokens",))
    token = added(ours)
    Message.objects.update(state="DONE")
    assert changing.tell_again(token, now=site.now(), only=[other.connection.pk]) == 1
    assert Message.objects.filter(state="DUE").count() == 1
    assert changing.tell_again(token, now=site.now()) == 2


@pytest.mark.parametrize(
    ("text", "expected"), [("", []), ("de, NLD", ["DEU", "NLD"]), ("DEU DE", ["DEU"]), ("XX", None), ("Germany", None)]
)
def test_countries_as_staff_write_them(text: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(UnableToChange):
            changing.countries(text)
    else:
        assert changing.countries(text) == expected


# --- a file -----------------------------------------------------------------------------------------------------------

TABLE = """RFID-UID;Kartennummer;Vertrags-ID;Gültig;Gruppe
04A1B2C3;DE 1;DE-RDK-C00012345;ja;
04FFFFFF;DE 2;DE-RDK-C00012345;nein;FAM
04A1B2C3;DE 3;DE-RDK-C1;ja;
;DE 4;DE-RDK-C2;ja;
04EEEEEE;DE 5;DE-RDK-C3;vielleicht;
"""


def imported(party: Party, data: bytes, *, dry_run: bool = False, **options: Any) -> importing.TokenReport:
    file = importing.read_file(data)
    return importing.run(party, file, now=site.now(), dry_run=dry_run, by="otto", **options)


def test_a_table_with_columns_of_its_own(ours: Party) -> None:
    data = TABLE.encode("cp1252")
    dry = imported(ours, data, dry_run=True)
    assert not Token.objects.exists()
    real = imported(ours, data)
    assert dry.as_dict() | {"applied": True} == real.as_dict()
    assert (real.objects, dict(real.fates), len(real.refused)) == (5, {"NEW": 2}, 3)
    assert sorted(Token.objects.values_list("object_id", "valid", "hold", "issuer", "whitelist")) == [
        ("04A1B2C3", True, "NONE", "Roamdesk Energie", "ALLOWED"),
        ("04FFFFFF", False, "BLOCKED", "Roamdesk Energie", "ALLOWED"),
    ]
    assert real.become_held == ["04FFFFFF"]
    assert Message.objects.count() == 2
    again = imported(ours, data)
    assert dict(again.fates) == {"SAME": 2}
    assert set(Message.objects.values_list("generation", flat=True)) == {1}  # no news for anybody


def test_an_import_never_lets_in_what_staff_hold(ours: Party) -> None:
    token = added(ours)
    changing.block(token, Cause.STOLEN, by="sue", now=site.now())
    report = imported(ours, b"uid,contract_id,valid,issuer\n04A1B2C3,DE-RDK-C1,true,New\n")
    token.refresh_from_db()
    assert report.stay_held == ["04A1B2C3"]
    assert (token.valid, token.hold, token.issuer) == (False, "BLOCKED", "New")


def test_a_table_leaves_alone_what_it_has_no_column_for(ours: Party) -> None:
    token = added(ours, whitelist="NEVER", language="de", x_kept=[1], group_id="FAM", issuer="Old")
    report = imported(ours, b"uid,contract_id,language,group\n04a1b2c3,DE-RDK-C1,fr,\n")
    token.refresh_from_db()
    assert dict(report.fates) == {"CHANGED": 1}
    tree = token.tree()
    assert (tree["whitelist"], tree["language"], tree["x_kept"], tree["issuer"]) == ("NEVER", "fr", [1], "Old")
    assert "group_id" not in tree
    assert tree["contract_id"] == "DE-RDK-C1"


def test_columns_are_chosen_by_staff(ours: Party) -> None:
    data = b"a,b,c\nX1,DE-RDK-C1,de\n"
    with pytest.raises(UnableToImport, match="uid, contract_id"):
        imported(ours, data)
    imported(ours, data, mapping={"uid": 0, "contract_id": 1, "language": 2})
    assert Token.objects.get().language == "de"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"uid",
        b"PK\x03\x04 a spreadsheet",
        b"uid,contract_id\nA\x00,B\n",
        b'uid,contract_id\n"open,B\n',
        b"[1, 2]",
        b'{"x": 1}',
        b"[",
        b"<xml/>",
        b"uid," * 200 + b"\n",
    ],
)
def test_what_is_no_list_of_tokens_says_so_and_changes_nothing(data: bytes, ours: Party) -> None:
    with pytest.raises(UnableToImport):
        imported(ours, data)
    assert not Token.objects.exists()


def test_ocpi_json_of_each_kind(ours: Party) -> None:
    tokens = [small_token("J1", str(ours)), small_token("J2", "XX-YYY", type="APP_USER", whitelist="NEVER")]
    report = imported(ours, json.dumps({"data": tokens, "status_code": 1000}).encode())
    assert dict(report.fates) == {"NEW": 2}
    assert set(Token.objects.values_list("party", flat=True)) == {ours.pk}


def test_what_is_exported_is_imported_as_the_same(ours: Party) -> None:
    added(ours, "=1+1", visual_number="@SUM(A1)", issuer="+49", energy_contract={"supplier_name": "-Wind"})
    added(ours, "B", language="de", default_profile_type="GREEN", group_id="FAM")
    text = "".join(sheet.write(token.tree() for token in Token.objects.order_by("pk")))
    for line in text.splitlines():
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in line.split(","))
    assert dict(imported(ours, text.encode()).fates) == {"SAME": 2}


def test_the_command_reports_first_and_then_does_it(ours: Party, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text("Chip,contract_id\nX1,DE-RDK-C1\n")
    with pytest.raises(CommandError, match="Say which column holds: uid"):
        call_command("import_tokens", str(file))
    with pytest.raises(CommandError, match="FIELD=NAME"):
        call_command("import_tokens", str(file), "--column", "uid=Karte")
    call_command("import_tokens", str(file), "--column", "uid=Chip", "--dry-run")
    assert "Dry run: 1 tokens into DE-RDK: new 1" in capsys.readouterr().out
    assert not Token.objects.exists()
    call_command("import_tokens", str(file), "--column", "uid=Chip", "--json")
    assert json.loads(capsys.readouterr().out)["new"] == 1
    assert TokenEvent.objects.get().what == "Imported"
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_tokens", str(tmp_path / "none.csv"))
