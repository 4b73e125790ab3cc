"""Who may come in: the credentials token of the Authorization header (transport_and_format#authorization_header)."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection as database

from backoffice.partners.actions.connections import UnableToConnect, forget, invite
from backoffice.partners.models import InboundToken, Party
from backoffice.partners.rules import TokenKind
from backoffice.partners.secrets import token_hash
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner
from tests.test_protocol import ROWS, Row

TOKEN = "Sk4ne-Token/+=x"
FUNCTIONAL = [row for row in ROWS if row.module != "credentials" and row.allowed]


def header(value: str) -> dict[str, str]:
    return {"Authorization": value}


def b64(token: str) -> str:
    return base64.b64encode(token.encode()).decode()


@pytest.fixture
def known(us: Party) -> Partner:
    return factories.partner(token=TOKEN)


GOOD = [
    f"Token {b64(TOKEN)}",
    f"Token {b64(TOKEN + chr(10))}",  # as in both examples of the specification, made with echo
    f"Token {b64(TOKEN + chr(13) + chr(10))}",
    f"token {b64(TOKEN)}",
]
BAD = [
    "",
    "Token",
    "Token ",
    f"Token  {b64('other')}",
    f"Token {TOKEN}",  # T-005: not encoded
    f"Token {b64('unknown')}",
    f"Token {b64(TOKEN)}x",
    f"Token {b64(TOKEN)[:-1]}",
    f"Token {b64(b64(TOKEN))}",
    f"Token {b64(' ' + TOKEN)}",
    f"Token {b64(TOKEN + ' ')}",
    f"Token {b64(TOKEN + chr(9))}",
    f"Token {b64(TOKEN + chr(0))}",
    f"Token {b64(TOKEN.upper())}",
    f"Token {b64(TOKEN)} {b64(TOKEN)}",
    f"Bearer {b64(TOKEN)}",
    f"Basic {b64('user:' + TOKEN)}",
    b64(TOKEN),
    "Token =",
    "Token ====",
    "Token \xff\xfe",
    "Token " + "A" * 8000,
    "Token /v//",
]


@pytest.mark.rule("T-005")
@pytest.mark.parametrize("value", GOOD)
def test_a_known_token_in_base64_opens(value: str, known: Partner) -> None:
    assert Asking().get("versions", headers=header(value)).says == (200, 1000)


@pytest.mark.rule("T-005", "T-009", "T-010")
@pytest.mark.parametrize("value", BAD)
def test_anything_else_is_401(value: str, known: Partner) -> None:
    before = snapshot()
    answered = Asking().get("versions", headers=header(value))
    assert answered.says == (401, 2000)
    assert answered.headers["WWW-Authenticate"] == "Token"
    assert TOKEN not in answered.message
    assert b64(TOKEN) not in answered.message
    assert snapshot() == before


@pytest.mark.rule("T-009", "T-010")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_door_asks_who_is_there(row: Row, known: Partner) -> None:
    """Also where the method or the path does not exist: a stranger learns nothing of our address plan."""
    door = row.module if row.interface == "BOTH" else f"{row.interface.lower()}/{row.module}"
    for asking in (Asking(None), Asking("unknown")):
        assert asking.ask(row.method, f"{row.version}/{door}/x/y/z", {}).says == (401, 2000)
        assert asking.ask(row.method, "nowhere", {}).says == (401, 2000)


@pytest.mark.rule("T-006")
def test_plain_tokens_only_from_partners_known_to_send_them(us: Party) -> None:
    factories.partner("SE-ELV:CPO", token="PlainToken1", plain_token=True)
    factories.partner("NO-FJO:CPO", token="Base64Only1")
    assert Asking("PlainToken1", plain=True).get("versions").says == (200, 1000)
    assert Asking("PlainToken1").get("versions").says == (401, 2000)
    assert Asking("Base64Only1", plain=True).get("versions").says == (401, 2000)
    assert Asking("Base64Only1").get("versions").says == (200, 1000)


@pytest.mark.rule("T-006")
def test_a_plain_token_that_looks_like_base64_stays_a_plain_token(us: Party) -> None:
    """`QUJDRA==` read as Base64 is ABCD, the token of somebody else: each reading counts for its own kind of partner only."""
    plain = factories.partner("SE-ELV:CPO", token="QUJDRA==", plain_token=True)
    other = factories.partner("NO-FJO:CPO", token="WXYZ")
    assert Asking("QUJDRA==", plain=True).get("2.3.0/credentials").data["token"] == plain.token
    assert Asking(other.token).get("2.3.0/credentials").data["token"] == other.token


@pytest.mark.rule("T-008")
def test_no_two_partners_share_a_token(known: Partner) -> None:
    with pytest.raises(UnableToConnect):
        factories.partner("NO-FJO:CPO", token=TOKEN)
    assert InboundToken.objects.filter(hash=token_hash(TOKEN)).count() == 1


@pytest.mark.rule("T-011", "T-012")
def test_token_a_opens_versions_and_credentials_only(us: Party) -> None:
    _, token_a = invite(name="New", our_parties=[us], now=site.now())
    asking = Asking(token_a)
    for path in ("versions", "2.3.0", "2.2.1", "2.3.0/credentials", "2.2.1/credentials"):
        assert asking.get(path).says == (200, 1000), path
    before = snapshot()
    for row in FUNCTIONAL:
        module = site.module(row.module)
        path = f"{row.version}/{row.interface.lower()}/{module.endpoint}"
        filled = re.sub(r"{\w+}", "A1", row.template.replace("{country_code}", "SE").replace("{party_id}", "ELV"))
        for below in (filled,) if module.part_of else ("", "/A1", "/SE/ELV/A1", "/SE/ELV/A1/E1"):
            assert asking.ask(row.method, path + below, {}).says == (401, 2000), (row, below)
    assert snapshot() == before


@pytest.mark.parametrize("days", [6, 8])
def test_token_a_ends_after_a_week(days: int, us: Party) -> None:
    now = site.now()
    _, token_a = invite(name="New", our_parties=[us], now=now)
    with time_machine.travel(now + timedelta(days=days), tick=False):
        assert Asking(token_a).get("versions").status == (200 if days == 6 else 401)


def test_burnt_and_expired_tokens_are_401(known: Partner) -> None:
    now = site.now()
    mine = InboundToken.objects.get(connection=known.connection)
    assert Asking(TOKEN).get("versions").status == 200
    mine.expires_at = now - timedelta(seconds=1)
    mine.save()
    assert Asking(TOKEN).get("versions").status == 401
    mine.expires_at, mine.burnt_at = None, now
    mine.save()
    assert Asking(TOKEN).get("versions").status == 401
    mine.burnt_at = None
    mine.save()
    assert Asking(TOKEN).get("versions").status == 200
    forget(known.connection, now=now)
    assert Asking(TOKEN).get("versions").status == 401


def test_the_old_token_of_a_rotation_works_until_a_minute_after_the_new_one_was_used(known: Partner) -> None:
    now = site.now()
    InboundToken.objects.filter(connection=known.connection).update(expires_at=now + timedelta(minutes=10))
    InboundToken.objects.create(connection=known.connection, hash=token_hash("fresh"), kind=TokenKind.ACTIVE)
    old, new = Asking(TOKEN), Asking("fresh")
    with time_machine.travel(now + timedelta(minutes=8), tick=False):
        assert old.get("versions").status == 200
        assert new.get("versions").status == 200
        assert old.get("versions").status == 200
    with time_machine.travel(now + timedelta(minutes=9, seconds=5), tick=False):
        assert old.get("versions").status == 401
        assert new.get("versions").status == 200


def test_no_token_is_stored_or_logged_in_the_clear(known: Partner) -> None:
    asking = Asking(TOKEN)
    asking.get("2.3.0/credentials")
    asking.put("2.3.0/receiver/locations/SE/ELV/A", {"token": TOKEN})
    with database.cursor() as cursor:
        for table in ("delivery_exchange", "partners_inboundtoken", "partners_connection", "partners_step"):
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")
            text = cursor.fetchone()[0]
            assert text or table == "partners_step"
            for secret in (TOKEN, b64(TOKEN), b64(TOKEN).rstrip("=")):
                assert secret not in text, table
