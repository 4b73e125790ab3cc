"""Who may touch what: every door x method x the ways to name what is not one's own (path, body, header, nested).

Two partners on connections of their own, each with objects here, and a second company of ours that one of them was not
given. Nothing of the other may be read, changed or even shown to exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from backoffice.locations.actions.changing import unshare, withhold
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner

SECRET = "Of nobody else's business"
LATER = "2026-05-01T00:00:00Z"
IDS = {"FOREIGN": "NO-FJO", "HIDDEN": "DE-RDK", "WITHHELD": "DE-RDK", "ELSEWHERE": "DE-OTH"}


@dataclass(frozen=True)
class Try:
    """One attempt by SE-ELV to reach what is not its own."""

    name: str
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    allowed: tuple[int, ...] = (404,)
    """HTTP statuses; 200 only together with an OCPI error, or for a list without the secret."""

    def __str__(self) -> str:
        return self.name


def routing(to: str, sender: str) -> dict[str, str]:
    return {
        "OCPI-to-country-code": to[:2],
        "OCPI-to-party-id": to[3:],
        "OCPI-from-country-code": sender[:2],
        "OCPI-from-party-id": sender[3:],
    }


def bodies(method: str, below: str, owner: str) -> Any:
    if method in ("GET", "DELETE"):
        return None
    if method == "PATCH":
        return {"last_updated": LATER, "name": "taken over"}
    whole = factories.small_location("FOREIGN", owner, at=LATER)
    return [whole, whole["evses"][0], whole["evses"][0]["connectors"][0]][below.count("/")]


def tries() -> Iterator[Try]:
    methods = ("GET", "PUT", "PATCH", "POST", "DELETE")
    for version in ("2.3.0", "2.2.1"):
        receiver, sender = f"{version}/receiver/locations", f"{version}/sender/locations"
        for below in ("FOREIGN", "FOREIGN/E1", "FOREIGN/E1/1"):
            for method in methods:
                wrong = (405,) if method in ("POST", "DELETE") else (404,)
                for owner in ("NO-FJO", "DE-RDK", "no-fjo", "DE-OTH"):
                    path = f"{receiver}/{owner.replace('-', '/')}/{below}"
                    yield Try(f"path {method} {path}", method, path, bodies(method, below, owner), allowed=wrong)
                    yield Try(
                        f"path with headers {method} {path}",
                        method,
                        path,
                        bodies(method, below, owner),
                        routing("DE-RDK", owner.upper()),
                        allowed=(*wrong, 200),
                    )
        # what one's own path shows must not be another's object of the same id
        for below in ("FOREIGN", "FOREIGN/E1", "FOREIGN/E1/1"):
            for method in ("GET", "PATCH"):
                yield Try(
                    f"own path {method} {version} {below}",
                    method,
                    f"{receiver}/SE/ELV/{below}",
                    bodies(method, below, "SE-ELV"),
                )
        for method in ("PUT", "PATCH"):
            for told in (
                {"country_code": "NO", "party_id": "FJO"},
                {"party_id": "FJO"},
                {"country_code": "NO"},
                {"id": "OTHER"},
            ):
                body = factories.small_location("MINE", at=LATER) | told
                if method == "PATCH":
                    body = told | {"last_updated": LATER}
                yield Try(f"body {method} {version} {told}", method, f"{receiver}/SE/ELV/MINE", body, allowed=(200,))
        for sender_party in ("NO-FJO", "DE-RDK", "DE-OTH"):
            for to in ("DE-RDK", "NO-FJO", "SE-ELV", "DE-OTH"):
                for method, body in (("PUT", factories.small_location("MINE", at=LATER)), ("GET", None)):
                    yield Try(
                        f"header {method} {version} from {sender_party} to {to}",
                        method,
                        f"{receiver}/SE/ELV/MINE",
                        body,
                        routing(to, sender_party),
                        allowed=(200,),
                    )
        for object_id in IDS:
            for below in ("", "/E1", "/E1/1"):
                for to in ("", "DE-RDK", "DE-OTH", "NO-FJO"):
                    headers = routing(to, "SE-ELV") if to else {}
                    path = f"{sender}/{object_id}{below}"
                    yield Try(f"read {path} to {to}", "GET", path, None, headers, allowed=(404, 200))
        for query in (
            "",
            "?limit=1",
            "?offset=0",
            "?date_from=2000-01-01T00:00:00Z",
            "?after=0&total=100&counted=9999999999",
        ):
            for to in ("", "DE-OTH", "NO-FJO"):
                yield Try(
                    f"list {version} {query} to {to}",
                    "GET",
                    sender + query,
                    None,
                    routing(to, "SE-ELV") if to else {},
                    allowed=(200,),
                )


TRIES = list(tries())


@pytest.fixture
def theirs(us: Party, stranger: Partner, partner: Partner) -> Asking:
    """What SE-ELV must not see: an object of NO-FJO, a hidden and a withheld one of ours, one of another company of ours."""
    other = factories.own_party("DE-OTH")
    asking = Asking(stranger.token)
    assert (
        asking.put(
            "2.3.0/receiver/locations/NO/FJO/FOREIGN", factories.small_location("FOREIGN", "NO-FJO", name=SECRET)
        ).status
        == 201
    )
    unshare(factories.own_location(factories.small_location("HIDDEN", "DE-RDK", name=SECRET)))
    withheld = factories.own_location(factories.small_location("WITHHELD", "DE-RDK", name=SECRET))
    withhold(withheld, [partner.connection.pk], now=site.now())
    factories.own_location(factories.small_location("ELSEWHERE", f"{other.country_code}-{other.party_id}", name=SECRET))
    return asking


def test_the_matrix_is_large_enough() -> None:
    assert len(TRIES) > 200
    assert len({attempt.name for attempt in TRIES}) == len(TRIES)


@pytest.mark.rule("T-019", "T-035", "T-049")
@pytest.mark.parametrize("part", range(4))
def test_nothing_of_another_is_read_or_changed(part: int, partner: Partner, theirs: Asking) -> None:
    asking = Asking(partner.token)
    assert asking.put("2.3.0/receiver/locations/SE/ELV/MINE", factories.small_location("MINE")).status == 201
    wrong: list[str] = []
    state = snapshot()
    for attempt in TRIES[part::4]:
        answered = asking.ask(attempt.method, attempt.path, attempt.body, headers=attempt.headers)
        harmless = answered.code != 1000 or (attempt.path.find("/sender/locations/") < 0 and answered.data == [])
        if answered.status not in attempt.allowed or not harmless:
            wrong.append(f"{attempt}: {answered.status} {answered.body[:200]!r}")
        if SECRET.encode() in answered.body:
            wrong.append(f"{attempt} shows the secret")
        after = snapshot()
        if after != state:
            wrong.append(f"{attempt} changed something")
        state = after
    assert not wrong, "\n".join(wrong)


def test_what_is_and_what_is_not_there_look_the_same(partner: Partner, theirs: Asking) -> None:
    """Otherwise the answers would tell which ids another partner uses."""
    asking = Asking(partner.token)
    for real, unreal in (
        ("2.3.0/receiver/locations/NO/FJO/FOREIGN", "2.3.0/receiver/locations/NO/FJO/NOTHING"),
        ("2.3.0/receiver/locations/NO/FJO/FOREIGN", "2.3.0/receiver/locations/NO/XYZ/FOREIGN"),
        ("2.3.0/sender/locations/HIDDEN", "2.3.0/sender/locations/NOTHING"),
        ("2.3.0/sender/locations/WITHHELD/E1", "2.3.0/sender/locations/NOTHING/E1"),
        ("2.3.0/sender/locations/ELSEWHERE", "2.3.0/sender/locations/NOTHING"),
    ):
        one, other = asking.get(real), asking.get(unreal)
        assert one.says == other.says == (404, 2001)
        for last in ("FOREIGN", "HIDDEN", "WITHHELD", "ELSEWHERE", "NOTHING", "XYZ", "FJO"):
            one = type(one)(one.status, one.headers, one.body.replace(last.encode(), b"?"), one.sent)
            other = type(other)(other.status, other.headers, other.body.replace(last.encode(), b"?"), other.sent)
        assert one.message == other.message


def test_the_owner_still_reads_its_own(partner: Partner, theirs: Asking) -> None:
    """The matrix would be empty comfort if nobody could read anything."""
    assert theirs.get("2.3.0/receiver/locations/NO/FJO/FOREIGN").data["name"] == SECRET
    assert [item["id"] for item in theirs.get("2.3.0/sender/locations").data] == ["WITHHELD"]


def test_credentials_of_one_partner_say_nothing_of_another(partner: Partner, stranger: Partner) -> None:
    for one, other in ((partner, stranger), (stranger, partner)):
        answered = Asking(one.token).get("2.3.0/credentials")
        assert answered.data["token"] == one.token
        assert other.token.encode() not in answered.body
        assert {role["country_code"] for role in answered.data["roles"]} == {"DE"}
