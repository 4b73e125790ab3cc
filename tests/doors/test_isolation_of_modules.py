"""Every door of tariffs, tokens, sessions and CDRs x foreign parties x nonsense: nothing is read, changed or shown to exist.

A module is a row, with what another partner and another company of ours have there. The doors of locations, whose objects lie
three deep, have `test_isolation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from backoffice.partners.models import Party
from tests import factories
from tests.cdrs.cast import own_cdr
from tests.doors.asking import Asking, snapshot
from tests.doors.bad_requests import BROKEN_JSON
from tests.doors.test_isolation import LATER, SECRET, routing
from tests.factories import Partner, small_cdr, small_session, small_tariff, small_token
from tests.sessions import cast

VERSIONS = ("2.3.0", "2.2.1")
OWNERS = ("NO/FJO", "no/fjo", "DE/RDK", "DE/OTH", "XX/YYY")
"""Parties that SE-ELV is not: a stranger, us, another company of ours, nobody."""

Ids = list[str]


@dataclass(frozen=True)
class Door:
    """`whole`: an object of (id, owner). `named`: the field that names it. `others`: makes what SE-ELV must not see, and what it
    may see; returns the ids of the latter. `calls`: further paths below an object of ours. `touch`: a small change."""

    module: str
    whole: Callable[..., dict[str, Any]]
    named: str
    others: Callable[[Partner, Partner], Ids]
    posts: bool = False
    query: str = ""
    calls: tuple[tuple[str, str, Any], ...] = ()
    touch: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.module


def other_tariffs(stranger: Partner, partner: Partner) -> Ids:
    factories.own_tariff(small_tariff("ELSEWHERE", "DE-OTH", **hidden("tariffs")))
    factories.own_tariff(small_tariff("OURS", "DE-RDK"))
    return ["OURS"]


def other_tokens(stranger: Partner, partner: Partner) -> Ids:
    factories.own_token(small_token("ELSEWHERE", "DE-OTH", **hidden("tokens")))
    factories.own_token(small_token("OURS", "DE-RDK"))
    return ["OURS"]


def other_sessions(stranger: Partner, partner: Partner) -> Ids:
    evses = [cast.point(tariffs=(), location=f"L{n}", evse_id=f"DE*RDK*E{n}") for n in range(2)]
    cast.begin(evses[0], stranger.party, contract_id=SECRET[:36])
    return [cast.begin(evses[1], partner.party, transaction="TX-2").object_id]


def other_cdrs(stranger: Partner, partner: Partner) -> Ids:
    own_cdr("ELSEWHERE", stranger.party, **hidden("cdrs"))
    own_cdr("UNSEEN", partner.party, held=["ENERGY_OVER_POWER_LIMIT"], session_id="S-2", **hidden("cdrs"))
    return [own_cdr("OURS", partner.party, session_id="S-3").object_id]


def hidden(module: str) -> dict[str, Any]:
    """The secret, where an object of this module has room for words."""
    return {
        "tariffs": {"tariff_alt_text": [{"language": "en", "text": SECRET}]},
        "tokens": {"issuer": SECRET},
        "sessions": {"meter_id": SECRET},
        "cdrs": {"remark": SECRET},
    }[module]


REFERENCES = {"location_id": "L1", "evse_uids": ["E1"]}
PREFERENCES = {"profile_type": "FAST"}
DOORS = (
    Door("tariffs", small_tariff, "id", other_tariffs, touch={"currency": "SEK"}),
    Door(
        "tokens", small_token, "uid", other_tokens, calls=(("POST", "authorize", REFERENCES),), touch={"valid": False}
    ),
    Door(
        "sessions",
        small_session,
        "id",
        other_sessions,
        query="?date_from=2000-01-01T00:00:00Z",
        calls=(("PUT", "charging_preferences", PREFERENCES),),
        touch={"kwh": 99},
    ),
    Door("cdrs", small_cdr, "id", other_cdrs, posts=True, touch={"remark": "mine"}),
)


@dataclass(frozen=True)
class Try:
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def tries(door: Door, version: str) -> Iterator[Try]:
    receiver, sender = f"{version}/receiver/{door.module}", f"{version}/sender/{door.module}"
    for owner in OWNERS:
        key = owner.upper().replace("/", "-")
        for name in ("FOREIGN", "ELSEWHERE", "NEW"):
            path = f"{receiver}/{owner}/{name}"
            whole = door.whole(name, key) | {"last_updated": LATER}
            for headers in ({}, routing("DE-RDK", key)):
                for method, body in (
                    ("GET", None),
                    ("PUT", whole),
                    ("PATCH", door.touch | {"last_updated": LATER}),
                    ("POST", whole),
                    ("DELETE", None),
                ):
                    yield Try(method, path, body, headers)
        whole = door.whole("NEW", key) | {"last_updated": LATER}
        if door.posts:
            yield Try("POST", receiver, whole)
            yield Try("POST", receiver, whole, routing("DE-RDK", key))
        else:  # the owner in the path is SE-ELV, the one in the body is not
            yield Try("PUT", f"{receiver}/SE/ELV/NEW", whole)
            yield Try("PUT", f"{receiver}/SE/ELV/NEW", whole | {"country_code": "SE"})
            yield Try("PUT", f"{receiver}/SE/ELV/NEW", whole | {"party_id": "ELV", door.named: "OTHER"})
    for name in ("FOREIGN", "ELSEWHERE", "UNSEEN"):
        yield Try("GET", f"{receiver}/SE/ELV/{name}")
        yield Try("PATCH", f"{receiver}/SE/ELV/{name}", door.touch | {"last_updated": LATER})
        for method, below, body in (("GET", "", None), ("PUT", "", {}), ("DELETE", "", None), *door.calls):
            yield Try(method, f"{sender}/{name}/{below}".rstrip("/"), body)


def kept() -> dict[str, str]:
    """All rows but the decisions: whoever asks for one finds it noted, also about a token of nobody."""
    return {table: rows for table, rows in snapshot().items() if table != "tokens_authorization"}


@pytest.fixture
def world(us: Party, stranger: Partner, partner: Partner) -> Callable[[Door], Ids]:
    factories.own_party("DE-OTH")

    def made(door: Door) -> Ids:
        whole = door.whole("FOREIGN", "NO-FJO") | hidden(door.module)
        of_stranger, receiver = Asking(stranger.token), f"2.3.0/receiver/{door.module}"
        answered = (
            of_stranger.ask("POST", receiver, whole)
            if door.posts
            else of_stranger.put(f"{receiver}/NO/FJO/FOREIGN", whole)
        )
        assert answered.says == (201, 1000), answered.body
        return door.others(stranger, partner)

    return made


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_nothing_of_another_is_read_or_changed(
    door: Door, version: str, world: Callable[[Door], Ids], partner: Partner
) -> None:
    visible = world(door)
    asking, wrong, state = Asking(partner.token), [], kept()
    attempts = list(tries(door, version))
    assert len(attempts) > 150
    for some in (attempts[start : start + 8] for start in range(0, len(attempts), 8)):
        for each in some:
            answered = asking.ask(each.method, each.path, each.body, headers=each.headers)
            if answered.status not in (200, 404, 405) or answered.code == 1000:
                wrong.append(f"{each}: {answered.status} {answered.body[:200]!r}")
            if SECRET[:20].encode() in answered.body:
                wrong.append(f"{each} shows the secret")
        if kept() != state:
            wrong.append(f"one of these changed something: {some}")
            state = kept()
    assert not wrong, "\n".join(wrong)
    for to in ("", "DE-OTH", "NO-FJO"):
        listed = asking.get(f"{version}/sender/{door.module}{door.query}", headers=routing(to, "SE-ELV") if to else {})
        assert SECRET[:20].encode() not in listed.body
        ids = [item[door.named] for item in listed.data or []]
        assert ids == ([] if to else visible), to


NONSENSE: list[Any] = [
    *(body for _, body in BROKEN_JSON),
    [],
    [[]],
    {},
    0,
    "x",
    b"null",
    {"id": None},
    {"id": {"id": {}}},
    {"last_updated": "yesterday"},
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_nonsense_is_answered_and_changes_nothing(door: Door, version: str, asking: Asking, us: Party) -> None:
    receiver, mine = f"{version}/receiver/{door.module}", "SE/ELV/MINE"
    whole = door.whole("MINE", "SE-ELV")
    stored = asking.ask("POST", receiver, whole) if door.posts else asking.put(f"{receiver}/{mine}", whole)
    assert stored.says == (201, 1000), stored.body
    doors = [("POST", receiver)] if door.posts else [(method, f"{receiver}/{mine}") for method in ("PUT", "PATCH")]
    doors += [(method, f"{version}/sender/{door.module}/MINE/{below}") for method, below, _ in door.calls]
    state = kept()
    for method, path in doors:
        for body in NONSENSE:
            answered = asking.ask(method, path, body, content_type="application/json")
            assert answered.status in (200, 400, 404, 405), (method, path, body)
            assert answered.code != 1000, (method, path, body)
        assert kept() == state, (method, path)
