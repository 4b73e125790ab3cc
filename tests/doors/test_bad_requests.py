"""What no honest partner sends: never a 5xx, always the envelope, the right kind of refusal, nothing changed, nothing echoed."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from backoffice.delivery.models import Exchange
from tests import factories
from tests.doors.asking import Asking, log_rows, snapshot
from tests.doors.bad_requests import BAD_REQUESTS, CANARY, OWN, Bad
from tests.factories import Partner


def test_the_table_is_long_enough_and_names_each_row_once() -> None:
    assert len(BAD_REQUESTS) >= 150
    assert len({bad.name for bad in BAD_REQUESTS}) == len(BAD_REQUESTS)


@pytest.mark.rule("T-099", "T-100", "T-104", "T-109", "T-205")
@pytest.mark.parametrize("part", range(8))
def test_bad_requests(part: int, stored: Asking, partner: Partner) -> None:
    """In eight parts, so that a test's rows share one partner; every row that fails is named."""
    wrong: list[str] = []
    state = snapshot()
    for bad in BAD_REQUESTS[part::8]:
        found = problems(bad, stored, partner)
        after = snapshot()
        if after != state:
            found.append("changed something")
        wrong += [f"{bad}: {problem}" for problem in found]
        state = after
    assert not wrong, "\n".join(wrong)


def problems(bad: Bad, asking: Asking, partner: Partner) -> list[str]:
    """What is wrong with the answer; empty as it should be."""
    found: list[str] = []
    logged = log_rows()
    try:
        answered = asking.ask(
            bad.method, bad.path, bad.body, headers=bad.headers, content_type=bad.content_type, **bad.environ
        )
    except Exception as error:  # noqa: BLE001 - whatever escapes a door is what this test is for
        return [f"raised {type(error).__name__}: {str(error)[:300]}"]
    if answered.says != bad.expected and answered.says not in bad.expected:
        found.append(f"answered {answered.says}, not {bad.expected}: {answered.message}")
    if log_rows() != logged + 1:
        found.append(f"left {log_rows() - logged} rows in the log")
    text = answered.body.decode() + repr(answered.headers)
    secrets = (CANARY, partner.token, base64.b64encode(partner.token.encode()).decode())
    return found + [f"repeats {secret}" for secret in secrets if secret in text]


HOSTILE_TEXTS = [
    "'; DROP TABLE locations_location; --",
    "' OR '1'='1",
    "<script>alert(document.cookie)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}#{7*7}<%= 7*7 %>",
    "%s%n%d%(x)s%%",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "../../../../etc/passwd",
    "\\\\evil.example\\share",
    "\u202egnirts desrever",
    "Z\u0351\u036b\u0343\u036a\u0302alg\u0321o",
    "🔌⚡ 車 ﷽",
    "null",
    "#NA",
    '{"$gt": ""}',
    "\\u0000",
    "a\\nb",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_texts_are_only_texts(text: str, stored: Asking) -> None:
    """What a string may hold comes back as it was, in both versions and at all levels; nothing in between runs it."""
    path = "2.3.0/receiver/locations/SE/ELV/T1"
    body = factories.small_location("T1", name=text, address=text, city=text[:45], evil=text)
    body["evses"][0] |= {"physical_reference": text[:16], "directions": [{"language": "en", "text": text}], text: text}
    assert stored.put(path, body).says == (201, 1000)
    assert stored.get(path).data == body
    assert stored.get(path.replace("2.3.0", "2.2.1")).data == body
    assert stored.patch(path, {"name": f"{text}!", "last_updated": "2026-04-01T00:00:00Z"}).says == (200, 1000)
    assert stored.get(path).data["name"] == f"{text}!"


HOSTILE_IDS = [
    "'; DROP--",
    "A%41",
    "100%",
    "%s",
    "a+b",
    "a b",
    "a&b=c",
    "a?b",
    "a#b",
    "<b>",
    "..",
    ".",
    "~",
    "{}",
    "A'B",
    '"',
    "x;y",
    "@",
    ":",
]


@pytest.mark.parametrize("object_id", HOSTILE_IDS)
def test_ids_of_any_printable_character(object_id: str, asking: Asking) -> None:
    """A CiString may hold any printable ASCII; percent-encoded once in the path, it names the object."""
    path = f"2.3.0/receiver/locations/SE/ELV/{quote(object_id, safe='')}"
    body = factories.small_location(object_id)
    body["evses"][0]["uid"] = object_id
    assert asking.put(path, body).says == (201, 1000)
    assert asking.get(path).data == body
    assert asking.get(f"{path}/{quote(object_id, safe='')}").data == body["evses"][0]
    assert Exchange.objects.latest("id").object_path == f"SE/ELV/{object_id}/{object_id}"


def test_the_table_itself_can_fail(stored: Asking, partner: Partner) -> None:
    """A good request in the place of a bad one is found out."""
    good = factories.location(last_updated="2026-05-01T00:00:00Z")
    before = snapshot()
    assert len(problems(Bad("good", "PUT", OWN, (200, 2001), good), stored, partner)) == 1
    assert snapshot() != before
