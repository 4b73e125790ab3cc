"""Who may open which page of the locations door, and what the pages say."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from backoffice.console.models import PartyScope
from backoffice.locations.actions import changing
from backoffice.locations.models import Evse, Location, StatusEvent, Withholding
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.locations.cast import GROUPS, PAGES, logged_in, partners_location, staff

pytestmark = pytest.mark.django_db

# page, method -> groups that may. `{pk}`: our location, `{evse}`: its first EVSE.
MATRIX = {
    ("", "GET"): {"Operations", "Finance", "Read-only"},
    ("board/", "GET"): {"Operations", "Finance", "Read-only"},
    ("map/", "GET"): {"Operations", "Finance", "Read-only"},
    ("map/data/?bbox=-180,-90,180,90&zoom=3", "GET"): {"Operations", "Finance", "Read-only"},
    ("{pk}/change/", "GET"): {"Operations", "Finance", "Read-only"},
    ("{pk}/change/?tab=status", "GET"): {"Operations", "Finance", "Read-only"},
    ("{pk}/change/?tab=partners", "GET"): {"Operations", "Finance", "Read-only"},
    ("{pk}/change/?tab=json", "GET"): {"Operations", "Finance", "Read-only"},
    ("{pk}/change/?tab=history", "GET"): {"Operations", "Finance", "Read-only"},
    ("upload/", "GET"): {"Operations"},
    ("add/", "GET"): {"Operations"},
    ("add/", "POST"): {"Operations"},
    ("{pk}/edit/", "GET"): {"Operations"},
    ("{pk}/edit/", "POST"): {"Operations"},
    ("{pk}/evse/add/", "GET"): {"Operations"},
    ("{pk}/evse/{evse}/", "GET"): {"Operations"},
    ("{pk}/evse/{evse}/status/", "POST"): {"Operations"},
    ("{pk}/evse/{evse}/connector/add/", "GET"): {"Operations"},
    ("{pk}/evse/{evse}/connector/1/", "GET"): {"Operations"},
    ("{pk}/share/", "POST"): {"Operations"},
    ("{pk}/withhold/", "POST"): {"Operations"},
    ("{pk}/delete/", "GET"): set(),
    ("{pk}/delete/", "POST"): set(),
}


@pytest.mark.parametrize("group", [*GROUPS, "none"])
@pytest.mark.parametrize(("page", "method"), MATRIX)
def test_each_group_opens_its_pages_and_no_other(group: str, page: str, method: str, harbour: Location) -> None:
    client = logged_in(staff("someone", group))
    evse = harbour.evses.first()
    assert evse is not None
    before = list(Location.objects.values_list("generation", "shared")), list(Evse.objects.values_list("status"))
    url = PAGES + page.format(pk=harbour.pk, evse=evse.pk)
    answer = (
        client.get(url) if method == "GET" else client.post(url, {"status": "BLOCKED", "reason": "r", "shared": "0"})
    )
    if group in MATRIX[page, method]:
        assert answer.status_code in (200, 302, 400)  # 400: this post lacks the form's hidden parts
    else:
        assert answer.status_code == 403
        assert before == (
            list(Location.objects.values_list("generation", "shared")),
            list(Evse.objects.values_list("status")),
        )


def test_every_page_of_this_door_is_in_the_matrix() -> None:
    from django.contrib import admin

    routes = [str(pattern.pattern) for pattern in admin.site._registry[Location].get_urls()]
    own = {route for route in routes if not route.startswith("<path:")} - {"add/", ""}
    listed = {
        page.split("?")[0]
        .replace("{pk}", "<int:pk>")
        .replace("{evse}", "<int:evse>")
        .replace("connector/1/", "connector/<path:connector>/")
        for page, _ in MATRIX
    }
    assert own <= listed


@pytest.mark.parametrize("page", ["", "board/", "{pk}/change/", "{pk}/edit/", "map/data/"])
def test_nobody_without_login_gets_in(page: str, harbour: Location) -> None:
    answer = Client().get(PAGES + page.format(pk=harbour.pk))
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize(
    "page",
    [
        "{pk}/edit/",
        "{pk}/evse/add/",
        "{pk}/evse/{evse}/",
        "{pk}/evse/{evse}/connector/add/",
        "{pk}/evse/{evse}/connector/1/",
    ],
)
def test_a_partners_location_has_no_forms(page: str, theirs: Location, operations: Client) -> None:
    evse = theirs.evses.get()
    url = PAGES + page.format(pk=theirs.pk, evse=evse.pk)
    assert operations.get(url).status_code == 404
    assert operations.post(url).status_code == 404


@pytest.mark.parametrize("page", ["{pk}/evse/{evse}/status/", "{pk}/share/", "{pk}/withhold/"])
def test_a_partners_location_is_not_changed_by_a_post(page: str, theirs: Location, operations: Client) -> None:
    evse = theirs.evses.get()
    url = PAGES + page.format(pk=theirs.pk, evse=evse.pk)
    assert operations.post(url, {"status": "BLOCKED", "reason": "r", "shared": "0"}).status_code == 404
    theirs.refresh_from_db()
    evse.refresh_from_db()
    assert (theirs.shared, evse.status) == (True, "AVAILABLE")


def test_a_scope_hides_other_parties_everywhere(theirs: Location, harbour: Location) -> None:
    user = staff("sam", "Operations")
    scope = PartyScope.objects.create(name="Ours only")
    scope.parties.add(harbour.party)
    scope.users.add(user)
    client = logged_in(user)
    assert client.get(f"{PAGES}{harbour.pk}/change/").status_code == 200
    assert client.get(f"{PAGES}{theirs.pk}/change/").status_code == 404
    for page in ("", "board/"):
        said = client.get(PAGES + page).content.decode()
        assert f"/{harbour.pk}/change/" in said
        assert f"/{theirs.pk}/change/" not in said
    shown = client.get(f"{PAGES}map/data/?bbox=-180,-90,180,90&zoom=3").json()
    assert shown["total"] == 1
    assert PAGES + f"{harbour.pk}/change/" == shown["points"][0]["url"]


SEARCHES = [
    ({"q": "harbour"}, {"HARBOUR-7"}),
    ({"q": "LUND-1"}, {"LUND-1"}),
    ({"q": "lund"}, {"LUND-1"}),
    ({"q": "no such thing"}, set()),
    ({"q": "100% ("}, set()),
    ({"owner": "ours"}, {"HARBOUR-7"}),
    ({"owner": "partners"}, {"LUND-1"}),
    ({"owner": "everybody"}, {"HARBOUR-7", "LUND-1"}),
    ({"country": "SWE", "owner": "partners"}, {"LUND-1"}),
    ({"status": "REMOVED"}, set()),
    ({"status": "AVAILABLE", "owner": "partners"}, {"LUND-1"}),
    ({"power": "ac", "owner": "partners"}, {"LUND-1"}),
    ({"power": "high", "owner": "partners"}, set()),
    ({"connector": "IEC_62196_T2", "owner": "partners"}, {"LUND-1"}),
    ({"connector": "CHAOJI"}, set()),
    ({"visibility": "withheld"}, set()),
    ({"visibility": "private"}, set()),
    ({"stale": "1"}, set()),
    ({"party": "x'); --"}, {"HARBOUR-7", "LUND-1"}),
]


@pytest.mark.parametrize(("query", "found"), SEARCHES, ids=[str(query) for query, _ in SEARCHES])
def test_the_list_is_narrowed(
    query: dict[str, str], found: set[str], harbour: Location, theirs: Location, operations: Client
) -> None:
    answer = operations.get(PAGES, query)
    assert answer.status_code == 200
    assert {row.object_id for row in answer.context["cl"].result_list} == found


def test_an_evse_id_finds_its_location(harbour: Location, theirs: Location, operations: Client) -> None:
    evse = harbour.evses.exclude(evse_id="").first()
    assert evse is not None
    answer = operations.get(PAGES, {"q": evse.evse_id.lower()})
    assert [row.pk for row in answer.context["cl"].result_list] == [harbour.pk]


def test_withheld_and_private_locations_are_found(harbour: Location, theirs: Location, operations: Client) -> None:
    connection = theirs.party.roles.first().connection
    Withholding.objects.create(location=harbour, connection=connection)
    assert [row.pk for row in operations.get(PAGES, {"visibility": "withheld"}).context["cl"].result_list] == [
        harbour.pk
    ]
    changing.unshare(harbour)
    assert [row.pk for row in operations.get(PAGES, {"visibility": "private"}).context["cl"].result_list] == [
        harbour.pk
    ]


def test_the_empty_list_says_what_belongs_here(operations: Client) -> None:
    said = operations.get(PAGES).content.decode()
    assert "Nothing here yet" in said
    assert reverse("admin:locations_location_add") in said
    assert "Nothing matches" in operations.get(PAGES, {"q": "x"}).content.decode()
    reader = logged_in(staff("rita", "Read-only")).get(PAGES).content.decode()
    assert reverse("admin:locations_location_add") not in reader


# --- board -----------------------------------------------------------------------------------------------------------


def a_location(party: Party, number: int, status: str, *, hours: int) -> Location:
    """One with an EVSE that has been in this status for so many hours."""
    at = site.now() - timedelta(hours=hours)
    tree = factories.small_location(f"L{number}", str(party), at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    tree["evses"][0]["status"] = status
    return partners_location(party, tree)


@pytest.mark.rule("T-190")  # L4, whose only EVSE is REMOVED, is not on it
@time_machine.travel("2026-05-01T12:00:00Z", tick=False)
def test_the_board_shows_what_is_down_for_longest_first(ours: Party, operations: Client) -> None:
    told = factories.partner(ours=[ours]).party
    for number, (status, hours) in enumerate(
        [("AVAILABLE", 90), ("OUTOFORDER", 5), ("UNKNOWN", 30), ("CHARGING", 1), ("REMOVED", 99), ("INOPERATIVE", 8)]
    ):
        a_location(told, number, status, hours=hours)
    answer = operations.get(f"{PAGES}board/")
    assert [group.name for group in answer.context["groups"]] == ["L2", "L5", "L1", "L0", "L3"]
    cells = [cell for group in answer.context["groups"] for cell in group.cells]
    assert [cell.seconds for cell in cells] == [30 * 3600, 8 * 3600, 5 * 3600, 90 * 3600, 3600]
    said = answer.content.decode()
    for status in ("UNKNOWN", "INOPERATIVE", "OUTOFORDER", "AVAILABLE", "CHARGING"):
        assert f"<b>{status}</b>" in said  # by text, not by colour alone
    narrowed = operations.get(f"{PAGES}board/", {"status": "CHARGING"})
    assert [group.name for group in narrowed.context["groups"]] == ["L3"]
    down = operations.get(f"{PAGES}board/", {"down": "1"})
    assert [group.name for group in down.context["groups"]] == ["L2", "L5", "L1"]
    assert "Nothing matches" in operations.get(f"{PAGES}board/", {"city": "Nowhere"}).content.decode()


@time_machine.travel("2026-05-01T12:00:00Z", tick=False)
def test_the_boards_pages_hold_every_location_once(
    ours: Party, operations: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.locations.admin.board.PER_PAGE", 2)
    told = factories.partner(ours=[ours]).party
    for number in range(7):
        a_location(told, number, "OUTOFORDER" if number < 3 else "AVAILABLE", hours=number + 1)
    seen: list[str] = []
    for page in range(1, 6):
        answer = operations.get(f"{PAGES}board/", {"page": page})
        seen += [group.name for group in answer.context["groups"]]
        assert bool(answer.context["newer"]) == (page < 4)
    assert seen == ["L2", "L1", "L0", "L3", "L4", "L5", "L6"]


def test_a_flapping_evse_is_marked(harbour: Location, operations: Client) -> None:
    evse = harbour.evses.first()
    assert evse is not None
    assert "flapping" not in operations.get(f"{PAGES}board/").content.decode()
    for number in range(4):
        at = site.now() - timedelta(minutes=number)
        StatusEvent.objects.create(evse=evse, at=at, status="CHARGING", previous="AVAILABLE", source="test")
    assert "flapping" in operations.get(f"{PAGES}board/").content.decode()


# --- map -------------------------------------------------------------------------------------------------------------


def test_the_map_shows_points_and_clusters(ours: Party, operations: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    told = factories.partner(ours=[ours]).party
    for number in range(6):
        tree = factories.small_location(f"L{number}", str(told))
        tree["coordinates"] = {"latitude": f"5{number % 2}.000000", "longitude": "13.000000"}
        partners_location(told, tree)
    whole = f"{PAGES}map/data/?bbox=-180,-90,180,90&zoom=3"
    shown = operations.get(whole).json()
    assert (shown["total"], len(shown["points"]), shown["clusters"]) == (6, 6, [])
    assert {(p["free"], p["down"], p["evses"]) for p in shown["points"]} == {(1, 0, 1)}
    monkeypatch.setattr("backoffice.locations.admin.map.POINTS", 2)
    far, near = operations.get(whole).json(), operations.get(f"{PAGES}map/data/?bbox=-180,-90,180,90&zoom=9").json()
    assert [cluster["n"] for cluster in far["clusters"]] == [6]
    assert sorted(cluster["n"] for cluster in near["clusters"]) == [3, 3]
    assert len(far["list"]) == 6  # the list twin shows the window whatever the map draws
    window = operations.get(f"{PAGES}map/data/?bbox=12,50.5,14,51.5&zoom=9").json()
    assert window["total"] == 3


@pytest.mark.parametrize(
    "query", ["", "bbox=1,2,3&zoom=4", "bbox=a,b,c,d&zoom=1", "bbox=1,2,3,4", "bbox=nan,0,1,1&zoom=2"]
)
def test_the_map_refuses_a_window_that_is_none(query: str, operations: Client) -> None:
    assert operations.get(f"{PAGES}map/data/?{query}").status_code == 400


# --- detail ----------------------------------------------------------------------------------------------------------


def test_the_page_tells_everything_there_is(harbour: Location, operations: Client) -> None:
    said = operations.get(f"{PAGES}{harbour.pk}/change/").content.decode()
    tree = harbour.tree()
    for text in (
        tree["id"],
        tree["city"],
        tree["help_phone"],
        tree["operator"]["name"],
        tree["energy_mix"]["supplier_name"],
        *(evse["uid"] for evse in tree["evses"]),
        *(image["url"].replace("&", "&amp;") for image in tree["images"]),
        *(
            tariff
            for evse in tree["evses"]
            for connector in evse["connectors"]
            for tariff in connector.get("tariff_ids", [])
        ),
    ):
        assert text in said
    assert "<img" not in said  # pictures are links: opening a page asks no partner's server


@pytest.mark.rule("T-244")
@time_machine.travel("2026-01-15T08:00:00Z", tick=False)
def test_times_are_told_in_the_zone_of_the_location(ours: Party, operations: Client) -> None:
    tree = factories.small_location("L1", str(ours), time_zone="Europe/Stockholm")
    tree["opening_times"] = {
        "twentyfourseven": False,
        "regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "18:00"}],
        "exceptional_closings": [{"period_begin": "2026-07-01T22:30:00Z", "period_end": "2026-07-02T10:00:00"}],
    }
    said = operations.get(f"{PAGES}{factories.own_location(tree).pk}/change/").content.decode()
    assert "Monday" in said
    assert "08:00–18:00" in said
    assert "Thu 02 Jul 2026 00:30 – Thu 02 Jul 2026 12:00" in said  # two hours ahead of UTC in summer
    assert "(now 09:00)" in " ".join(said.split())


def test_a_partner_sees_what_its_next_get_returns(ours: Party, operations: Client, client: Client) -> None:
    told = factories.partner(ours=[ours], version="2.2.1")
    location = factories.own_location(factories.location(country_code=ours.country_code, party_id=ours.party_id))
    page = f"{PAGES}{location.pk}/change/?tab=partners&as={told.connection.pk}"
    seen = operations.get(page).context["seen"]
    from base64 import b64encode

    token = b64encode(told.token.encode()).decode()
    url = f"/ocpi/2.2.1/sender/locations/{location.object_id}"
    answer = client.get(url, headers={"Authorization": f"Token {token}"})
    assert answer.status_code == 200
    assert seen.document in answer.content  # byte for byte inside the envelope
    changing.withhold(location, [told.connection.pk], now=site.now())
    assert client.get(url, headers={"Authorization": f"Token {token}"}).status_code == 404
    seen = operations.get(page).context["seen"]
    assert seen.document is None
    assert "withheld from this partner" in seen.why


@time_machine.travel("2026-05-31T00:00:00Z", tick=False)
def test_the_timeline_adds_up(ours: Party, operations: Client) -> None:
    location = factories.own_location(factories.small_location("L1", str(ours)), now=site.now() - timedelta(days=60))
    evse = location.evses.get()
    StatusEvent.objects.all().delete()
    for days, previous, status in ((20, "AVAILABLE", "OUTOFORDER"), (15, "OUTOFORDER", "AVAILABLE")):
        at = site.now() - timedelta(days=days)
        StatusEvent.objects.create(evse=evse, at=at, status=status, previous=previous, source="test")
    answer = operations.get(f"{PAGES}{location.pk}/change/?tab=status")
    (row,) = answer.context["timeline"].rows
    assert row.hours == {"AVAILABLE": 25 * 24, "OUTOFORDER": 5 * 24}
    assert [(s.status, s.x, s.width) for s in row.segments] == [
        ("AVAILABLE", 0.0, 300.0),
        ("OUTOFORDER", 300.0, 150.0),
        ("AVAILABLE", 450.0, 450.0),
    ]
    said = answer.content.decode()
    assert "Usable 83.3 % of the known time, with 2 changes of status in 30 days." in said
    assert "<table" in said  # the drawing's twin


def test_unknown_locations_and_tabs(harbour: Location, operations: Client) -> None:
    assert operations.get(f"{PAGES}999999/change/").status_code == 404
    assert operations.get(f"{PAGES}{harbour.pk}/change/?tab=nonsense").status_code == 200
