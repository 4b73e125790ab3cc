"""The start page: each group sees its own figures first and within its scope, each figure leads to a page that opens, what waits
for somebody is sorted by what it costs, one failing panel blanks no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import ProgrammingError
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.cdrs.models import Quarantined
from backoffice.console import dashboard
from backoffice.console.actions import counting
from backoffice.console.dashboard.asked import range_of
from backoffice.console.dashboard.attention import ordered
from backoffice.console.dashboard.parts import Matter
from backoffice.console.models import PartyScope
from backoffice.delivery.models import Exchange, Pull
from backoffice.locations.actions import changing
from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.console import charge_rows
from tests.console.charge_rows import decision
from tests.locations.cast import logged_in, partners_location, staff

pytestmark = pytest.mark.django_db


def exchange(**facts: Any) -> None:
    defaults: dict[str, Any] = {
        "at": site.now(),
        "incoming": True,
        "module": "locations",
        "method": "PUT",
        "url": "/x",
        "http_status": 200,
        "ocpi_status": 1000,
        "elapsed_ms": 5,
        "request_id": "r",
        "correlation_id": "c",
    }
    Exchange.objects.create(**defaults | facts)


def figures(client: Client, query: str = "") -> dict[str, dict[str, str]]:
    answer = client.get(f"/admin/{query}")
    assert answer.status_code == 200
    return {panel.key: {f.label: f.value for f in panel.figures} for panel in answer.context["panels"]}


def chart(client: Client, key: str, query: str = "") -> dict[str, list[Any]]:
    """Values by name of the series."""
    panels = client.get(f"/admin/{query}").context["panels"]
    (found,) = next(panel for panel in panels if panel.key == key).charts
    return {series.name: list(series.values) for series in found.series}


def of_scope(name: str, party: Party) -> User:
    """May open everything, of this party only."""
    user = staff(name, "Operations")
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    scope = PartyScope.objects.create(name=name)
    scope.parties.add(party)
    scope.users.add(user)
    return user


def superuser() -> Client:
    return logged_in(User.objects.create_superuser("root"))


def test_each_group_sees_its_panels_in_its_order_and_its_menu() -> None:
    for group in ("Operations", "Roaming", "Finance", "Tariffs", "Support", "Read-only", "none"):
        user = staff(f"some {group}", group)
        answer = logged_in(user).get("/admin/")
        keys = [panel.key for panel in answer.context["panels"]]
        allowed = [key for key, (_, permission, _) in dashboard.PANELS.items() if user.has_perm(permission)]
        first = [key for key in dashboard.FIRST.get(group, ()) if key in allowed]
        assert keys[: len(first)] == first
        assert sorted(keys) == sorted(allowed)
        assert bool(keys) == (group != "none")
        said = answer.content.decode()
        assert ("Nothing for you here yet" in said) == (group == "none")
        menu = {item["title"] for each in answer.context["sidebar_navigation"] for item in each["items"]}
        assert ("Message log" in menu) == user.has_perm("delivery.view_exchange")
        assert ("Locations" in menu) == (group != "none")
        assert "Users" not in menu
    assert "messages" not in {panel.key for panel in logged_in(staff("f", "Finance")).get("/admin/").context["panels"]}


def test_the_figures_of_the_network_are_counted_from_the_rows() -> None:
    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    own = factories.own_location(factories.small_location("OWN", str(ours)))
    changing.set_status(own, "E1", "OUTOFORDER", source="test", now=site.now())
    partners_location(told.party, factories.small_location("NEW"))
    old = partners_location(told.party, factories.small_location("OLD"))
    Location.objects.filter(pk=old.pk).update(seen_at=site.now() - timedelta(days=3))
    for status, ocpi in ((200, 1000), (200, 2001), (500, None), (200, 1000)):
        exchange(http_status=status, ocpi_status=ocpi)
    exchange(incoming=False, connection=told.connection)
    exchange(incoming=False, at=site.now() - timedelta(hours=25), http_status=500)
    Pull.objects.create(
        connection=told.connection,
        module="locations",
        full=True,
        started_at=site.now(),
        moved_at=site.now(),
        correlation_id="c",
        objects_read=50,
        total=200,
    )
    client = superuser()
    seen = figures(client)
    assert seen["messages"] == {"of their calls (4)": "50.0%", "of our calls (1)": "100%"}
    assert seen["latency"] == {told.connection.name: "10 ms"}
    assert seen["evses"] == {
        "available of 3": "66.7%",
        "available": "2",
        "out of order": "1",
        "locations unheard of for 24 h": "1",
    }
    assert seen["outbox"]["refused"] == "0"
    assert int(seen["outbox"]["waiting"]) >= 1
    assert seen["pulls"] == {"running": "1", "failed in 24 h": "0"}
    answer = client.get("/admin/")
    (line,) = [line for panel in answer.context["panels"] for line in panel.lines]
    assert line[2] == 25  # percent
    assert "Storgatan" not in answer.content.decode()
    (matter,) = [each for each in answer.context["matters"] if "down" in each.sentence]
    assert (matter.sentence, matter.drivers) == ("OWN: 1 of 1 EVSE down", 1)


@pytest.mark.parametrize("key", ["24h", "7d", "30d", "mtd", "nonsense"])
def test_charts_hold_what_is_counted_and_what_is_not_yet(key: str) -> None:
    """Every exchange of the range stands in exactly one step, whether its hour was counted or not."""
    told = factories.partner()
    now = site.now()
    since = range_of(key, now=now).since
    moments = [
        now - timedelta(seconds=1),
        now - timedelta(hours=1),
        now - timedelta(hours=3),
        since,
        since + (now - since) / 2,
    ]
    for moment in moments:
        exchange(at=moment, connection=told.connection, incoming=False, elapsed_ms=400)
        decision(moment, kind="ASKED", how="OWN", reason_code="GOOD")
    exchange(at=since - timedelta(milliseconds=1), connection=told.connection, incoming=False)
    decision(since - timedelta(milliseconds=1), kind="ASKED")
    if key == "7d":
        assert (now - since) // timedelta(days=1) in (6, 7)
    client = superuser()
    for counted_before in (False, True):
        if counted_before:
            counting.count(now=now)
        inside = [moment for moment in moments if moment >= since]
        drawn = chart(client, "messages", f"?range={key}")
        assert sum(drawn["out, succeeded"]) == len(inside)
        assert sum(sum(values) for values in drawn.values()) == len(inside)
        assert sum(chart(client, "authorizations", f"?range={key}")["allowed"]) == len(inside)
        assert figures(client, f"?range={key}")["latency"][told.connection.name] in (
            "398 ms",
            "475 ms",
            "488 ms",
            "490 ms",
        )


def test_a_gap_of_the_counting_is_said_and_not_drawn_as_nothing() -> None:
    told = factories.partner()
    now = site.now()
    exchange(at=now - timedelta(hours=9), connection=told.connection)
    counting.count(now=now - timedelta(hours=5))
    panels = superuser().get("/admin/?range=7d").context["panels"]
    gaps = {panel.key for panel in panels if "the job that counts does not run" in panel.gap}
    assert gaps >= {"messages", "latency"}
    counting.count(now=now)
    client = logged_in(User.objects.get(username="root"))
    assert [panel.gap for panel in client.get("/admin/?range=7d").context["panels"] if panel.gap] == []


@pytest.fixture
def amid_the_month() -> Iterator[None]:
    """What was charged a minute or two days ago belongs to this month, on whatever day the tests run."""
    with time_machine.travel(site.now().replace(day=15, hour=12)):
        yield


@pytest.fixture
def trade(amid_the_month: None) -> dict[str, Any]:
    """Charges, decisions and CDRs of one day between us (as both) and two partners, each with its money and its fault."""
    ours = factories.own_party()
    elv, nor = (
        factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", ours=[ours]),
        factories.partner("NO-NOR:EMSP", ours=[ours]),
    )
    now, day = site.now(), timedelta(days=1)
    charge_rows.session(ours, elv.party, now - timedelta(minutes=5))
    charge_rows.session(ours, nor.party, now - timedelta(minutes=40))  # unheard of since
    charge_rows.session(elv.party, ours, now - timedelta(minutes=1), power_kw=50)
    ended = {"status": "COMPLETED", "power_kw": None}
    charge_rows.session(ours, nor.party, now - 3 * day, ends_at=now - 2 * day, total_excl=Decimal("7.5"), **ended)
    charge_rows.session(ours, nor.party, now - 3 * day, ends_at=now - 2 * day, stuck="Known.", **ended)
    charge_rows.session(ours, nor.party, now - 3 * day, ends_at=now - 2 * day, cdr_known_at=now, **ended)
    charge_rows.session(ours, nor.party, now - 1.1 * day, ends_at=now - day / 2, **ended)  # still has time
    for verdict, more in (
        ("AGREED", {}),
        ("AGREED", {"currency": "SEK", "total_excl": Decimal(100)}),
        ("AGREED", {"total_excl": Decimal("-9.00"), "credit": True}),
        ("DIFFERS", {"delta": Decimal("-1.20")}),
        ("NOT_PRICED", {}),
        ("WAITING", {}),
    ):
        charge_rows.cdr(elv.party, ours, now - timedelta(minutes=1), verdict=verdict, **more)
    charge_rows.cdr(ours, nor.party, now - timedelta(minutes=1), state="RELEASED", total_excl=Decimal(20))
    charge_rows.cdr(ours, nor.party, now - timedelta(minutes=1), state="HELD", total_excl=Decimal(30))
    late = {"entered_at": now - 2 * day, "total_excl": Decimal(5)}
    charge_rows.cdr(ours, elv.party, now - 2 * day, state="RELEASED", **late)
    charge_rows.cdr(ours, ours, now - timedelta(minutes=1), state="RELEASED")  # between two companies of ours
    unsaid = {"kind": "DECIDED", "how": "NONE", "allowed": "NOT_ALLOWED", "reason_code": "SILENT", "party": ours}
    for _ in range(3):
        charge_rows.decision(now, connection=nor.connection, **unsaid)
    charge_rows.decision(now, party=ours)
    charge_rows.decision(now, party=ours, kind="ASKED", how="OWN", allowed="BLOCKED", reason_code="HELD")
    Quarantined.objects.create(
        party=elv.party, object_id="X", connection=elv.connection, why="OTHER_CONTENT", reason="r", document="{}",
        content_hash="h", at=now, last_at=now,
    )  # fmt: skip
    return {"ours": ours, "elv": elv, "nor": nor, "now": now}


def test_the_figures_of_charging_and_money(trade: dict[str, Any]) -> None:
    seen = figures(superuser())
    assert seen["live"]["at our charge points, 11 kW"] == "2"  # with the silent one, whose power nobody knows
    assert seen["live"]["our drivers elsewhere, 50 kW"] == "1"
    assert seen["live"]["unheard of for 15 min"] == "1"
    assert seen["unbilled"] == {"ended more than 24 h ago": "1", "what they cost so far": "7.50 EUR"}
    assert seen["authorizations"] == {
        "when partners ask us (1)": "0.0%",
        "when we ask partners (3)": "0.0%",
        "by what we know ourselves (1)": "100%",
    }
    assert seen["straight"] == {"agreed of 5 received": "60.0%", "waiting to be priced": "1"}
    assert seen["review"] == {
        "at risk": "40.20 EUR",  # 1.20 that differ, 9.00 without a price, 30.00 held
        "differ from our price": "1",
        "have no tariff to price them by": "1",
        "of ours held": "1",
        "not acknowledged in 24 h": "1",
        "refused and kept aside": "1",
    }


def test_a_figure_leads_to_a_list_of_as_many(trade: dict[str, Any]) -> None:
    client = superuser()
    found = []
    for panel in client.get("/admin/").context["panels"]:
        if panel.key not in ("live", "authorizations", "unbilled", "review", "straight", "turnover"):
            continue
        numbers = [(figure.url, figure.value) for figure in panel.figures if figure.value.isdigit()]
        numbers += [
            (figure.url, figure.label.rpartition("(")[2].rstrip(")"))
            for figure in panel.figures
            if panel.key == "authorizations"
        ]
        numbers += [(part.url, part.count.partition(" ")[0]) for bars in panel.bars for part in bars.parts]
        for url, told in numbers:
            page = client.get(url).context
            rows = (
                page["cl"].result_count if "cl" in page else len(page["kept"] if "kept" in page else page["found"].rows)
            )
            found.append((url, rows, int(told)))
    assert len(found) >= 16
    assert [each for each in found if each[1] != each[2]] == []


def test_what_is_owed_adds_up_per_currency_and_direction(trade: dict[str, Any]) -> None:
    """Before and after the days were counted, and with last month's beside it."""
    last_month = trade["now"].replace(day=1) - timedelta(days=2)
    charge_rows.cdr(trade["ours"], trade["nor"].party, last_month, state="ACKNOWLEDGED", total_excl=Decimal(3))
    client = superuser()
    for _ in range(2):
        panel = next(p for p in client.get("/admin/").context["panels"] if p.key == "turnover")
        owed = {part.name: part.amount for bars in panel.bars for part in bars.parts if bars.head == "EUR"}
        assert owed["receivable"] == "25.00 EUR"
        assert owed["receivable, last month"] == "3.00 EUR"
        assert owed["payable"] == "0.00 EUR"  # a CDR and the credit for it
        (sek,) = [bars for bars in panel.bars if bars.head == "SEK"]
        assert [(part.name, part.amount, part.count) for part in sek.parts] == [("payable", "100.00 SEK", "1 CDR")]
        counting.count(now=site.now())


def test_what_waits_is_sorted_by_money_or_by_drivers(trade: dict[str, Any]) -> None:
    gone = {"connection_id": 10**9, "allowed": "NOT_ALLOWED", "reason_code": "SILENT"}
    for _ in range(9):  # a partner that is removed since has nobody to be asked about it
        charge_rows.decision(trade["now"], **gone)
    client = superuser()
    by_money = client.get("/admin/?order=money").context["matters"]
    assert [each.amount for each in by_money[:5]] == ["30.00 EUR", "9.00 EUR", "7.50 EUR", "5.00 EUR", "1.20 EUR"]
    assert by_money[5].drivers == 3  # no money: most drivers first
    by_drivers = client.get("/admin/?order=drivers").context["matters"]
    assert "left 3 drivers without an answer" in by_drivers[0].sentence
    counts = [each.drivers for each in by_drivers]
    assert counts == sorted(counts, reverse=True)
    assert logged_in(staff("fin", "Finance")).get("/admin/").context["order"] == "money"
    assert logged_in(staff("ops", "Operations")).get("/admin/").context["order"] == "drivers"


def test_money_of_two_currencies_is_not_compared() -> None:
    matters = [
        Matter("a", "", 1, Decimal(900), "SEK"),
        Matter("b", "", 1, Decimal(80), "EUR"),
        Matter("c", "", 1, Decimal(700), "SEK"),
        Matter("d", "", 9),
    ]
    assert [each.sentence for each in ordered(matters, "money")] == ["a", "b", "c", "d"]
    assert [each.sentence for each in ordered(matters, "drivers")] == ["d", "a", "b", "c"]


def test_every_figure_leads_to_a_page_that_opens(trade: dict[str, Any]) -> None:
    partners_location(trade["elv"].party, factories.small_location("NEW"))
    client = superuser()
    context = client.get("/admin/").context
    urls = {figure.url for panel in context["panels"] for figure in panel.figures} | {m.url for m in context["matters"]}
    assert len(urls) > 30
    for url in urls:
        answer = client.get(url)
        assert answer.status_code == 200, url


def test_a_failing_panel_says_since_when_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(asked: dashboard.Asked) -> dashboard.Panel:
        raise ProgrammingError("no such table")

    monkeypatch.setattr(dashboard, "_last_good", {})
    client = superuser()
    panels = dict(dashboard.PANELS)
    monkeypatch.setattr(dashboard, "PANELS", panels | {"outbox": (*panels["outbox"][:2], broken)})
    answer = client.get("/admin/")
    assert "No data: this could not be measured at" in answer.content.decode()
    assert [panel.key for panel in answer.context["panels"] if panel.failed] == ["outbox"]
    monkeypatch.setattr(dashboard, "PANELS", panels)
    client.get("/admin/")
    monkeypatch.setattr(dashboard, "PANELS", panels | {"outbox": (*panels["outbox"][:2], broken)})
    assert "No data since" in client.get("/admin/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_panel_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(asked: dashboard.Asked) -> dashboard.Panel:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        raise AssertionError("it was waited for")

    monkeypatch.setattr(dashboard, "PATIENCE_MS", 50)
    monkeypatch.setattr(dashboard, "PANELS", {**dashboard.PANELS, "live": (*dashboard.PANELS["live"][:2], slow)})
    answer = superuser().get("/admin/")
    assert [panel.key for panel in answer.context["panels"] if panel.failed] == ["live"]
    with database.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "30s"  # as it was for whoever comes next on this connection


def test_the_checklist_of_an_empty_platform_shrinks_and_goes() -> None:
    client = superuser()

    def open_steps() -> list[str]:
        return [step.title for step in client.get("/admin/").context["steps"] if not step.done]

    assert open_steps()[:3] == [
        "Enter your own company and its roles",
        "Connect a partner",
        "Add or import your first location",
    ]
    ours = factories.own_party()
    assert "Enter your own company and its roles" not in open_steps()
    told = factories.partner(ours=[ours])
    factories.own_location(factories.small_location("OWN", str(ours)))
    partners_location(told.party, factories.small_location("NEW"))
    assert open_steps() == STEPS_OF_CHARGING
    factories.own_tariff(factories.small_tariff("T", str(ours)))
    assert "Publish your first tariff" not in open_steps()


STEPS_OF_CHARGING = [
    "Publish your first tariff",
    "Add or import your first token",
    "Let somebody charge: a test session",
    "Have the first export made",
]


def test_a_step_is_a_link_only_for_those_who_may_take_it() -> None:
    reader = logged_in(staff("rita", "Read-only")).get("/admin/").content.decode()
    assert "Enter your own company" in reader
    assert "/admin/partners/party/add/" not in reader
    assert "/admin/partners/party/add/" in superuser().get("/admin/").content.decode()


def test_figures_keep_to_the_scope_of_the_user(trade: dict[str, Any]) -> None:
    """A company of ours that trades with nobody sees nothing of what the other one does, not even a number."""
    ours, other = trade["ours"], factories.own_party("NL-OTH")
    two = factories.partner("SE-TWO:EMSP", ours=[other])
    factories.own_location(factories.small_location("A", str(ours)))
    factories.own_location(factories.small_location("B", str(other)))
    exchange(connection=trade["elv"].connection)
    exchange(connection=two.connection, http_status=500)
    client = superuser()
    for counted_before in (False, True):
        if counted_before:
            counting.count(now=site.now())
        everything = figures(client)
        for name, party in (("mine", ours), ("others", other)):
            user = of_scope(f"{name} {counted_before}", party)
            seen = figures(logged_in(user))
            assert seen["evses"]["available of 1"] == "100%"
            for key in ("live", "unbilled", "straight", "review"):
                assert (seen.get(key) == everything.get(key)) == (party == ours), key
            if party == other:
                assert seen["messages"]["of their calls (1)"] == "0.0%"
                assert "at our charge points, 0 kW" in seen["live"]
                assert seen["review"] == {"at risk": "nothing"}
                assert seen["authorizations"]["when we ask partners (0)"] == "none"
                assert all("NOR" not in each.sentence for each in logged_in(user).get("/admin/").context["matters"])


def test_a_scoped_member_of_staff_asks_no_more_than_25_queries(trade: dict[str, Any]) -> None:
    ours = trade["ours"]
    user = of_scope("sam", ours)
    trade["nor"].connection.state = "SUSPENDED"
    trade["nor"].connection.save()
    factories.own_location(factories.small_location("A", str(ours)))
    client = logged_in(user)
    with CaptureQueriesContext(database) as queries:
        assert client.get("/admin/?range=30d").status_code == 200
    assert len(queries) <= 25, "\n".join(query["sql"][:100] for query in queries)


def test_the_ribbon_is_there_in_a_demo_only(settings: Any) -> None:
    client = superuser()
    assert "rd-ribbon" not in client.get("/admin/").content.decode()
    settings.DEMO = True
    assert "rd-ribbon" in client.get("/admin/").content.decode()
    assert "rd-ribbon" in Client().get("/admin/login/").content.decode()
