"""`connect check`: each misbehaviour of a partner is found, named and stored nowhere but in log and steps."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from backoffice.delivery.actions.checking import check
from backoffice.delivery.models import Exchange, Pull
from backoffice.locations.models import Location
from backoffice.partners.actions.connections import (
    Agreement,
    Claim,
    UnableToConnect,
    adopt,
    invite,
    own_parties,
    pause,
    settle_claims,
)
from backoffice.partners.actions.handshake import rediscover
from backoffice.partners.models import Connection, Party, PartyRole, Step
from backoffice.roaming_site import site
from tests.factories import own_party, small_location
from tests.peer import ScriptedPeer, Twist
from tests.peer.platform import TOKEN_B

LIST = "/ocpi/2.3.0/sender/locations"


def texts(*trees: dict[str, Any]) -> list[bytes]:
    return [json.dumps(tree).encode() for tree in trees]


def scripted(**options: Any) -> ScriptedPeer:
    """A peer that sends locations, and modules that are not fetched: each test is about one module."""
    return ScriptedPeer(sender_modules=("locations", "commands", "x_own"), **options)


def charger(number: int, **changes: Any) -> dict[str, Any]:
    """A location of the scripted peer, NL-TNM; each one updated a minute after the one before."""
    at = (datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return small_location(f"LOC{number}", "NL-TNM", at=at) | changes


@pytest.fixture
def platform(db: None, reachable: None) -> Party:
    """This platform as a caller only: a check needs no doors of ours."""
    return own_party()


def registered(peer: ScriptedPeer, *, name: str = "TNM") -> Connection:
    """A connection to the peer as it was agreed elsewhere, with its endpoints."""
    agreement = Agreement(
        name=name,
        claims=[Claim("NL", "TNM", "CPO", {"name": "The New Motion"})],
        versions_url=peer.versions_url,
        inbound_token="they-show-this",
        outbound_token=TOKEN_B,
        version="2.3.0",
    )
    connection = adopt(agreement, our_parties=own_parties())
    rediscover(connection, now=site.now())
    return connection


@pytest.fixture
def cpo(platform: Party) -> Any:
    """A partner with seven locations on pages of three."""
    with scripted(role="CPO", objects={"locations": texts(*map(charger, range(1, 8)))}, page_size=3) as peer:
        yield peer


def located(connection: Connection) -> dict[str, Any]:
    told = check(connection)
    assert list(told["modules"]) == ["locations"]
    report: dict[str, Any] = told["modules"]["locations"]
    return report


def test_an_honest_partner_has_nothing_to_be_said(cpo: ScriptedPeer) -> None:
    connection = registered(cpo)
    logged = Exchange.objects.filter(trigger="check").count()
    told = check(connection)
    report = told["modules"]["locations"]
    assert told["good"] is True
    assert (report["pages"], report["objects"], report["ok"], report["rejected"]) == (3, 7, 7, 0)
    assert (report["counted"], report["complete"]) == (7, True)
    assert (report["violations"], report["paging"], report["oddities"], report["error"]) == ({}, [], [], "")
    assert abs(report["clock_skew_seconds"]) < 5
    assert set(told["not_checked"]) == {"commands", "x_own"}
    # three pages, a page of one, and a date after the newest object; nothing else is left behind
    assert Exchange.objects.filter(trigger="check").count() - logged == 5
    assert (Location.objects.count(), Pull.objects.count()) == (0, 0)
    (step,) = Step.objects.filter(connection=connection, flow="check")
    assert (step.title, step.ok, json.loads(step.detail)["objects"]) == ("locations", True, 7)


def test_a_second_check_replaces_the_steps_of_the_first(cpo: ScriptedPeer) -> None:
    connection = registered(cpo)
    check(connection)
    check(connection)
    assert Step.objects.filter(connection=connection, flow="check").count() == 1


def test_it_reads_no_more_than_three_pages(platform: Party) -> None:
    many = texts(*map(charger, range(1, 21)))
    with scripted(role="CPO", objects={"locations": many}, page_size=4) as peer:
        report = located(registered(peer))
    assert (report["pages"], report["objects"], report["counted"], report["complete"]) == (3, 12, 20, False)
    assert report["good"] is True, "a list that was not read to its end says nothing about its count"


def page(*numbers: int, **changes: Any) -> bytes:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    trees = [charger(number, **changes) for number in numbers]
    return json.dumps({"data": trees, "status_code": 1000, "timestamp": now}).encode()


# what the partner does for ever -> a piece of the sentence about it
PAGING: list[tuple[Twist, str]] = [
    (Twist(headers={"X-Total-Count": None}), "X-Total-Count is missing"),
    (Twist(headers={"X-Total-Count": "many"}), "X-Total-Count is missing or no number"),
    (Twist(headers={"X-Limit": None}), "X-Limit is missing"),
    (Twist(headers={"Link": None}), "No Link to a next page although 7 objects are counted and 3 were sent"),
    (Twist(headers={"X-Limit": "2"}), "X-Limit says 2, the page holds 3"),
    (Twist(body=page(1, 2), headers={"Link": None, "X-Total-Count": "2"}), "limit is ignored: asked for 1"),
    (Twist(body=page(1, 2), headers={"Link": None, "X-Total-Count": "2"}), "date_from is ignored: 2 of 2"),
    (Twist(body=page(1, 1), headers={"Link": None, "X-Total-Count": "2"}), "NL/TNM/LOC1 was listed twice"),
    (Twist(body=page(), headers={"X-Total-Count": "0"}), "A page without objects has a next link"),
]


@pytest.mark.parametrize(("twist", "sentence"), PAGING, ids=[sentence for _, sentence in PAGING])
def test_defects_of_paging_are_named(cpo: ScriptedPeer, twist: Twist, sentence: str) -> None:
    connection = registered(cpo)
    cpo.script("GET", LIST, twist, forever=True)
    report = located(connection)
    assert [told for told in report["paging"] if sentence in told], report
    assert report["good"] is False


def test_pages_that_run_in_a_circle_end_the_check(cpo: ScriptedPeer) -> None:
    connection = registered(cpo)
    first = f'<{cpo.url}{LIST}?offset=0&limit=50>; rel="next"'
    cpo.script("GET", LIST, Twist(headers={"Link": first}), forever=True)
    report = located(connection)
    assert "The next link leads to a page that was read already: the pages run in a circle." in report["paging"]
    assert report["pages"] == 1


def test_a_count_that_is_wrong_is_named(cpo: ScriptedPeer) -> None:
    connection = registered(cpo)
    cpo.script("GET", LIST, *[Twist(headers={"X-Total-Count": "9"})] * 5)
    assert "X-Total-Count says 9, the pages held 7 objects." in located(connection)["paging"]


@pytest.mark.parametrize(
    ("link", "error"),
    [
        (
            '<https://elsewhere.example/locations?offset=3>; rel="next"',
            "https://elsewhere.example:443 is not a confirmed host",
        ),
        ('<file:///etc/passwd>; rel="next"', "is not a confirmed host"),
    ],
)
def test_a_next_link_to_another_host_is_not_followed(cpo: ScriptedPeer, link: str, error: str) -> None:
    connection = registered(cpo)
    cpo.script("GET", LIST, Twist(headers={"Link": link}))
    report = located(connection)
    assert error in report["error"]
    assert report["objects"] == 3, "what was read before still counts"


# what is wrong with a location -> field that is named, repair that would help (None: no repair does)
FAULTS: list[tuple[dict[str, Any], str, str | None]] = [
    (
        {"coordinates": {"latitude": 55.70466, "longitude": 13.191007}},
        "coordinates.latitude",
        "accept_numbers_for_text",
    ),
    ({"last_updated": "2026-03-01T09:00:00+01:00"}, "last_updated", "accept_other_date_times"),
    ({"publish": "true"}, "publish", "accept_booleans_as_text"),
    ({"time_zone": None}, "time_zone", "accept_missing_time_zone"),
    ({"party_id": "XXX"}, "party_id", None),
    ({"country_code": None, "party_id": None}, "country_code", "accept_missing_owner"),
    ({"address": None}, "address", None),
]


@pytest.mark.parametrize(("fault", "field", "remedy"), FAULTS, ids=[field for _, field, _ in FAULTS])
def test_deviations_are_counted_by_field_and_repairs_are_suggested(
    platform: Party, fault: dict[str, Any], field: str, remedy: str | None
) -> None:
    good, bad = charger(1), charger(2, **fault)
    bad = {name: value for name, value in bad.items() if value is not None}
    with scripted(role="CPO", objects={"locations": texts(good, bad)}) as peer:
        connection = registered(peer)
        report = located(connection)
        assert (report["ok"], report["rejected"]) == (1, 1)
        assert report["violations"][field]["count"] == 1, report["violations"]
        assert "LOC2" in report["violations"][field]["example"]
        assert report["repairs_suggested"] == ([remedy] if remedy else [])
        if remedy:
            connection.repairs = [remedy]
            connection.save()
            mended = located(connection)
            assert (mended["ok"], mended["rejected"], list(mended["repairs_applied"])) == (2, 0, [remedy])


def test_an_object_of_a_foreign_party_is_checked_all_the_same(platform: Party) -> None:
    """All its faults are told at once, and whether the partner's claim on that party waits for a decision."""
    PartyRole.objects.create(party=Party.objects.create(country_code="BE", party_id="CLM"), role="CPO")
    foreign, claimed = charger(1, party_id="XXX", publish="true"), charger(2, country_code="BE", party_id="CLM")
    with scripted(role="CPO", objects={"locations": texts(foreign)}) as peer:
        connection = registered(peer)
        report = located(connection)
        assert set(report["violations"]) == {"party_id", "publish"}
        assert report["violations"]["party_id"]["sentence"] == "Not a registered role of this connection."
        assert (report["rejected"], report["repairs_suggested"]) == (1, ["accept_booleans_as_text"])
        settle_claims(connection, [Claim("BE", "CLM", "CPO", {"name": "c"})])
        peer.objects["locations"] = texts(claimed)
        assert "Its claim awaits approval." in located(connection)["violations"]["party_id"]["sentence"]


def test_only_the_repairs_that_are_needed_are_suggested(platform: Party) -> None:
    bad = charger(1, publish="true", last_updated="2026-03-01T09:00:00+01:00")
    bad["evses"][0]["status"] = "Available"
    with scripted(role="CPO", objects={"locations": texts(bad)}) as peer:
        suggested = located(registered(peer))["repairs_suggested"]
    assert suggested == [
        "accept_booleans_as_text",
        "accept_other_date_times",
        "accept_other_enum_spelling",
    ]


@pytest.mark.parametrize(
    ("skew", "sentence"),
    [
        (timedelta(hours=1), "about 1 h: most likely local time written as UTC"),
        (timedelta(hours=-2), "about 2 h: most likely local time written as UTC"),
        (timedelta(minutes=7), "Their clock is 4"),
    ],
)
def test_a_clock_that_is_wrong_is_named(cpo: ScriptedPeer, skew: timedelta, sentence: str) -> None:
    connection = registered(cpo)
    at = (datetime.now(UTC) + skew).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = json.dumps({"data": [charger(1)], "status_code": 1000, "timestamp": at}).encode()
    cpo.script("GET", LIST, Twist(body=body, headers={"Link": None, "X-Total-Count": "1"}), forever=True)
    report = located(connection)
    assert [told for told in report["oddities"] if sentence in told], report["oddities"]
    assert abs(report["clock_skew_seconds"] - skew.total_seconds()) < 5


def test_objects_of_the_future_are_named(platform: Party) -> None:
    with scripted(role="CPO", objects={"locations": texts(charger(1, last_updated="2099-01-01T00:00:00Z"))}) as peer:
        report = located(registered(peer))
    assert report["oddities"] == ["NL/TNM/LOC1 says it was last updated in the future (2099-01-01T00:00:00Z)."]


@pytest.mark.parametrize(
    ("twist", "error"),
    [
        (Twist(status=500), "The partner's server failed."),
        (Twist(body=b"<html>"), "The answer is not JSON."),
        (Twist(body=b'{"data": {}, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"}'), "data is no list"),
        (Twist(drop=True), "The connection broke"),
        (Twist(status=401), "does not accept our credentials token"),
    ],
)
def test_a_module_that_cannot_be_read_says_why(cpo: ScriptedPeer, twist: Twist, error: str) -> None:
    connection = registered(cpo)
    cpo.script("GET", LIST, twist, forever=True)
    report = located(connection)
    assert error in report["error"]
    connection.refresh_from_db()
    assert connection.state == "ACTIVE", "a check only looks: it suspends nobody"


def test_a_refused_probe_is_a_defect_of_paging_and_not_of_the_module(cpo: ScriptedPeer) -> None:
    connection = registered(cpo)
    cpo.script("GET", LIST, Twist(), Twist(), Twist(), Twist(status=400))
    report = located(connection)
    assert (report["error"], report["ok"]) == ("", 7)
    assert [told for told in report["paging"] if told.startswith("Refused with offset=0&limit=1:")]


def test_a_paused_connection_can_be_checked_and_an_invitation_cannot(cpo: ScriptedPeer) -> None:
    connection = registered(cpo)
    pause(connection, reason="to have a look")
    assert located(connection)["ok"] == 7
    waiting, _ = invite(name="Waiting", our_parties=own_parties(), now=site.now())
    with pytest.raises(UnableToConnect, match="once it is registered"):
        check(waiting)


def test_the_command_prints_the_report(cpo: ScriptedPeer) -> None:
    registered(cpo, name="TNM")
    out = io.StringIO()
    call_command("connect", "check", "TNM", "--json", stdout=out)
    assert json.loads(out.getvalue())["modules"]["locations"]["ok"] == 7
