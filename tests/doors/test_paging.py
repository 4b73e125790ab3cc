"""GET of a list (transport_and_format#pagination): filters, offset, limit, the three headers, and crawls while rows change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from backoffice.delivery.models import Bookmark
from backoffice.locations.actions.changing import set_status, unshare, withhold
from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.module import InterfaceRole, OwnedObjects
from ocpi.wire import locations as wire
from tests import factories
from tests.doors.asking import Answered, Asking
from tests.factories import Partner
from tests.spec import facts

LIST = "2.3.0/sender/locations"
DAYS = [f"2026-03-{day:02}T08:00:00Z" for day in range(1, 8)]


def own(*ids: str, at: str = DAYS[0]) -> list[Location]:
    return [factories.own_location(factories.small_location(name, "DE-RDK", at=at)) for name in ids]


@pytest.fixture
def seven(us: Party) -> list[Location]:
    """L1 to L7, created in this order, but changed last in another: L7 is the oldest change."""
    return [location for at, name in enumerate("1234567") for location in own(f"L{name}", at=DAYS[6 - at])]


def ids(answered: Answered) -> list[str]:
    assert answered.says == (200, 1000), answered.body
    return [item["id"] for item in answered.data]


def next_url(answered: Answered) -> str | None:
    found = re.fullmatch(r'<([^<>]+)>; rel="next"', answered.headers.get("Link", ""))
    assert found or "Link" not in answered.headers
    return found[1] if found else None


def crawl(asking: Asking, path: str) -> Iterator[Answered]:
    """All pages by following the links; the generator pauses between them, so that a test can change rows."""
    url: str | None = path
    for _ in range(50):
        assert url is not None
        answered = asking.get(url)
        yield answered
        url = next_url(answered)
        if url is None:
            return
    raise AssertionError("the links do not end")


def crawled(asking: Asking, path: str) -> list[str]:
    return [name for page in crawl(asking, path) for name in ids(page)]


ALL = ["L1", "L2", "L3", "L4", "L5", "L6", "L7"]
SELECTIONS: list[tuple[str, list[str]]] = [
    ("", ALL),
    ("?offset=0", ALL),
    ("?offset=3", ALL[3:]),
    ("?offset=7", []),
    ("?offset=700000000", []),
    ("?limit=1", ALL[:1]),
    ("?limit=2", ALL[:2]),
    ("?limit=7", ALL),
    ("?limit=100000", ALL),
    ("?offset=2&limit=2", ["L3", "L4"]),
    (f"?date_from={DAYS[3]}", ["L1", "L2", "L3", "L4"]),  # L4 changed at exactly this time: inclusive
    (f"?date_to={DAYS[3]}", ["L5", "L6", "L7"]),  # exclusive
    (f"?date_from={DAYS[2]}&date_to={DAYS[4]}", ["L4", "L5"]),
    (f"?date_from={DAYS[2]}&date_to={DAYS[4]}&offset=1", ["L5"]),
    (f"?date_from={DAYS[2]}&date_to={DAYS[4]}&offset=1&limit=1", ["L5"]),
    (f"?date_from={DAYS[3]}&date_to={DAYS[3]}", []),
    (f"?date_from={DAYS[4]}&date_to={DAYS[2]}", []),
    ("?date_from=2026-03-04T08:00:00", ["L1", "L2", "L3", "L4"]),
    ("?date_from=2026-03-04T08:00:00.001Z", ["L1", "L2", "L3"]),
    ("?date_to=2026-03-04T08:00:00.001Z", ["L4", "L5", "L6", "L7"]),
    ("?date_from=&date_to=&offset=&limit=", ALL),
    ("?unknown=parameter&x=1", ALL),
]


@pytest.mark.rule("T-022", "T-023", "T-024", "T-025", "T-026", "T-195")
@pytest.mark.parametrize(("query", "expected"), SELECTIONS)
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_what_a_page_holds(
    query: str, expected: list[str], version: str, asking: Asking, seven: list[Location]
) -> None:
    assert ids(asking.get(f"{version}/sender/locations{query}")) == expected


WRONG = [
    "limit=0",
    "limit=-1",
    "limit=1.5",
    "limit=ten",
    "limit=9223372036854775808",
    "limit=" + "9" * 400,
    "limit=%E0%A5%A7",  # the digit one of Devanagari
    "limit=1e3",
    "limit=+1",
    "limit=%201",
    "offset=-1",
    "offset=x",
    "offset=99999999999999999999",
    "date_from=yesterday",
    "date_from=2026-03-04",
    "date_from=2026-03-04T08:00:00%2B01:00",
    "date_from=2026-03-04T08:00:00+00:00",
    "date_from=2026-02-30T00:00:00Z",
    "date_to=0000-00-00T00:00:00Z",
    "date_to=1709542800",
    "date_from=2026-03-04T08:00:00Z%00",
    "date_from=2026-03-04T08:00:00Z'--",
    "after=-1",
    "after=x",
    "total=x",
    "counted=x",
    "after=99999999999999999999999",
]


@pytest.mark.rule("T-109")
@pytest.mark.parametrize("query", WRONG)
def test_parameters_that_cannot_be_read_are_2001_and_named(query: str, asking: Asking, seven: list[Location]) -> None:
    answered = asking.get(f"{LIST}?{query}")
    assert answered.says == (200, 2001), answered.body
    assert query.split("=")[0] in answered.message


@pytest.mark.rule("T-021", "T-034", "T-036")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_every_list_of_every_module_is_paginated(version: str, asking: Asking) -> None:
    for module in site.modules():
        if not isinstance(module.shape, OwnedObjects) or module.identifier not in versions.VERSIONS[version].modules:
            continue
        since = "?date_from=2026-01-01T00:00:00Z" if module.shape.dated else ""
        answered = asking.get(site.endpoint_url(version, module, InterfaceRole.SENDER) + since)
        assert ids(answered) == []
        assert answered.headers["X-Total-Count"] == "0"
        assert answered.headers["X-Limit"] == str(site.max_page)
        assert "Link" not in answered.headers


@pytest.mark.rule("T-031", "T-032", "T-034", "T-036")
@pytest.mark.parametrize(("limit", "pages"), [(1, 7), (2, 4), (3, 3), (6, 2), (7, 1), (8, 1)])
def test_links_lead_to_the_last_page_and_no_further(
    limit: int, pages: int, asking: Asking, seven: list[Location]
) -> None:
    found = list(crawl(asking, f"{LIST}?limit={limit}"))
    assert len(found) == pages
    assert [name for page in found for name in ids(page)] == ALL
    assert {page.headers["X-Total-Count"] for page in found} == {"7"}
    assert {page.headers["X-Limit"] for page in found} == {str(site.max_page)}


@pytest.mark.rule("T-033")
def test_the_link_keeps_filters_and_counts_on(asking: Asking, seven: list[Location]) -> None:
    url = f"{LIST}?date_from={DAYS[1]}&date_to={DAYS[5]}&offset=1&limit=2"
    link = next_url(asking.get(url)) or ""
    assert link.startswith(site.endpoint_url("2.3.0", site.module("locations"), InterfaceRole.SENDER) + "?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert query | {"date_from": DAYS[1], "date_to": DAYS[5], "offset": "3", "limit": "2"} == query
    assert crawled(asking, url) == ["L4", "L5", "L6"]


@pytest.mark.rule("T-027", "T-036", "T-037")
def test_a_limit_above_ours_is_ours(asking: Asking, us: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "max_page", 3)
    own("A", "B", "C", "D")
    answered = asking.get(f"{LIST}?limit=50")
    assert ids(answered) == ["A", "B", "C"]
    assert answered.headers["X-Limit"] == "3"
    assert parse_qs(urlsplit(next_url(answered) or "").query)["limit"] == ["3"]
    assert asking.get(f"{LIST}?limit=1").headers["X-Limit"] == "3"
    assert len(ids(asking.get(LIST))) == 3


@pytest.mark.rule("T-029", "T-030")
def test_pages_are_in_the_order_of_creation_and_stay_so(asking: Asking, seven: list[Location]) -> None:
    before = [ids(page) for page in crawl(asking, f"{LIST}?limit=3")]
    set_status(seven[0], "E1", "BLOCKED", source="staff", now=site.now())
    set_status(seven[5], "E1", "BLOCKED", source="staff", now=site.now())
    assert [ids(page) for page in crawl(asking, f"{LIST}?limit=3")] == before == [ALL[:3], ALL[3:6], ALL[6:]]


def test_a_crawl_is_complete_and_repeats_nothing_while_rows_come_and_change(
    asking: Asking, seven: list[Location]
) -> None:
    """New rows, changed rows and rows that vanish between the pages: whatever was there all the time comes exactly once."""
    seen: list[str] = []
    for number, page in enumerate(crawl(asking, f"{LIST}?limit=2")):
        seen += ids(page)
        if number == 0:
            own("N1", "N2")
            unshare(seven[0])  # of the page before: everything after it moves up by one
            set_status(seven[3], "E1", "BLOCKED", source="staff", now=site.now())
        if number == 1:
            own("N3")
            set_status(seven[1], "E1", "BLOCKED", source="staff", now=site.now())
    assert len(seen) == len(set(seen))
    assert set(ALL) <= set(seen)


def test_a_crawl_by_date_survives_changes_too(asking: Asking, seven: list[Location]) -> None:
    """A row that gets a new last_updated stays within `date_from`, and comes once."""
    seen: list[str] = []
    for page in crawl(asking, f"{LIST}?date_from={DAYS[0]}&limit=2"):
        seen += ids(page)
        for location in seven:
            set_status(location, "E1", "BLOCKED", source="staff", now=site.now())
    assert seen == ALL


@pytest.mark.rule("T-029")
def test_offsets_that_a_client_counts_itself_agree_with_the_links(asking: Asking, seven: list[Location]) -> None:
    linked = [ids(page) for page in crawl(asking, f"{LIST}?limit=2")]
    for cold in (False, True):
        if cold:
            Bookmark.objects.all().delete()
        counted = [ids(asking.get(f"{LIST}?limit=2&offset={offset}")) for offset in range(0, 8, 2)]
        assert counted == linked


def test_a_bookmark_keeps_bare_offsets_in_place_while_rows_vanish(asking: Asking, seven: list[Location]) -> None:
    """Counted anew, offset 2 would skip L3 once L1 is gone from the list; the page before it left a bookmark."""
    assert ids(asking.get(f"{LIST}?limit=2&offset=0")) == ["L1", "L2"]
    unshare(seven[0])
    assert ids(asking.get(f"{LIST}?limit=2&offset=2")) == ["L3", "L4"]


def test_bookmarks_belong_to_one_partner_and_filter(asking: Asking, stranger: Partner, seven: list[Location]) -> None:
    withhold(seven[0], [stranger.connection.pk], now=site.now())
    other = Asking(stranger.token)
    assert ids(asking.get(f"{LIST}?limit=2")) == ["L1", "L2"]
    assert ids(other.get(f"{LIST}?limit=2")) == ["L2", "L3"]
    assert ids(asking.get(f"{LIST}?limit=2&offset=2")) == ["L3", "L4"]
    assert ids(other.get(f"{LIST}?limit=2&offset=2")) == ["L4", "L5"]
    assert ids(asking.get(f"{LIST}?limit=2&offset=2&date_to={DAYS[4]}")) == ["L6", "L7"]


def test_a_forged_link_moves_nobody_elses_window(asking: Asking, partner: Partner, seven: list[Location]) -> None:
    """`after`, `total` and `counted` are ours; made up, they never show what this partner may not see."""
    withhold(seven[4], [partner.connection.pk], now=site.now())
    for query in ("after=0&offset=0", "after=1", f"after={seven[3].pk}&offset=4", "total=0&counted=9999999999&after=0"):
        found = ids(asking.get(f"{LIST}?{query}"))
        assert "L5" not in found
        assert set(found) <= set(ALL)


@pytest.mark.rule("T-019", "T-035", "T-191", "T-192")
def test_what_is_withheld_or_not_shared_is_neither_listed_nor_counted_nor_shown(
    asking: Asking, stranger: Partner, seven: list[Location]
) -> None:
    unshare(seven[1])
    withhold(seven[2], [stranger.connection.pk], now=site.now())
    visible = {"partner": (asking, ["L1", "L3", "L4", "L5", "L6", "L7"])}
    visible["stranger"] = (Asking(stranger.token), ["L1", "L4", "L5", "L6", "L7"])
    for who, expected in visible.values():
        for version in ("2.3.0", "2.2.1"):
            answered = who.get(f"{version}/sender/locations")
            assert ids(answered) == expected
            assert answered.headers["X-Total-Count"] == str(len(expected))
            for name in ALL:
                for below in ("", "/E1", "/E1/1"):
                    status = who.get(f"{version}/sender/locations/{name}{below}").status
                    assert status == (200 if name in expected else 404), (name, below)
        assert crawled(who, f"{LIST}?limit=2") == expected


def test_a_partner_sees_the_parties_of_its_connection_only(us: Party) -> None:
    other = factories.own_party("DE-OTH")
    emsp = factories.own_party("DE-EMO", "EMSP")
    one, both = factories.partner("SE-ELV:EMSP", ours=[us, emsp]), factories.partner("NO-FJO:EMSP", ours=[us, other])
    own("A")
    factories.own_location(factories.small_location("B", "DE-OTH"))
    assert ids(Asking(one.token).get(LIST)) == ["A"]
    assert ids(Asking(both.token).get(LIST)) == ["A", "B"]
    assert Asking(one.token).get(f"{LIST}/B").status == 404


@pytest.mark.rule("T-199")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_page_holds_whole_objects_in_the_words_of_its_version(version: str, asking: Asking, us: Party) -> None:
    """A page of 2.2.1 is what `down` makes of the page of 2.3.0; every required field of the facts is there."""
    factories.own_location(factories.location(country_code="DE", party_id="RDK", stall_colour="green"))
    own("L2", "L3")
    newest = asking.get(LIST).data
    for _ in range(2):  # the second page comes out of the cache of renderings
        page = asking.get(f"{version}/sender/locations").data
        assert page == [versions.down(version, wire.Location, tree) for tree in newest]
    assert newest[0] == factories.location(country_code="DE", party_id="RDK", stall_colour="green")
    for item in page:
        assert_required("Location", item)


def assert_required(class_name: str, tree: dict[str, Any]) -> None:
    for field in facts("objects")[class_name]["fields"]:
        value = tree.get(field["name"])
        if field["card"] in ("1", "+"):
            assert value not in (None, []), (class_name, field["name"])
        if field["type"] in facts("objects"):
            for inner in value if isinstance(value, list) else [value] if value else []:
                assert_required(field["type"], inner)


@pytest.mark.rule("T-195", "T-196", "T-197")
def test_a_change_of_an_evse_is_found_by_date(asking: Asking, seven: list[Location]) -> None:
    now = site.now()
    set_status(seven[3], "E1", "BLOCKED", source="charge point", now=now)
    answered = asking.get(f"{LIST}?date_from={now:%Y-%m-%dT%H:%M:%S}Z")
    assert ids(answered) == ["L4"]
    (tree,) = answered.data
    assert tree["evses"][0]["status"] == "BLOCKED"
    assert tree["last_updated"] == tree["evses"][0]["last_updated"] > DAYS[6]


@pytest.mark.rule("T-200")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_one_object_at_each_depth(version: str, asking: Asking, us: Party) -> None:
    whole = factories.location(country_code="DE", party_id="RDK")
    factories.own_location(whole)
    path = f"{version}/sender/locations"
    shown = versions.down(version, wire.Location, whole)
    assert asking.get(f"{path}/HARBOUR-7").data == shown
    assert asking.get(f"{path}/HARBOUR-7/E-100").data == shown["evses"][0]
    assert asking.get(f"{path}/HARBOUR-7/E-100/2").data == shown["evses"][0]["connectors"][1]
    assert asking.get(f"{path}/harbour-7/e-100/2").data == shown["evses"][0]["connectors"][1]
    for wrong in (
        "/X",
        "/HARBOUR-7/X",
        "/HARBOUR-7/E-100/9",
        "/HARBOUR-7/E-100/1/1",
        "/X/E-100",
        "//E-100",
        "/HARBOUR-7//1",
    ):
        assert asking.get(path + wrong).status == 404, wrong


def test_a_total_is_counted_again_after_a_minute(asking: Asking, seven: list[Location]) -> None:
    link = next_url(asking.get(f"{LIST}?limit=2")) or ""
    own("N1")
    assert asking.get(link).headers["X-Total-Count"] == "7"
    old = re.sub(r"counted=\d+", "counted=1000", link)
    assert asking.get(old).headers["X-Total-Count"] == "8"


def test_a_page_takes_two_queries(asking: Asking, seven: list[Location]) -> None:
    """The documents leave as the database holds them; no row is read by itself."""
    with CaptureQueriesContext(database) as queries:
        asking.get(LIST)
    assert len([query for query in queries if "locations_location" in query["sql"]]) == 2  # total, documents
