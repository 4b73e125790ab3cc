"""The calendar of bookings: rows, bars, days unlike others, conflicts, the list; many bookings cost no more statements."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client

from backoffice.bookings import conflicts
from backoffice.bookings.models import BookableLocation, Booking
from backoffice.bookings.rules.days import NoSuchTime, axis, moment_of, week_of
from backoffice.bookings.rules.opening import hours, weekly
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.bookings import rows
from tests.console import charge_rows
from tests.doors.queries import Counted

CALENDAR, LIST = "/admin/bookings/booking/calendar/", "/admin/bookings/booking/"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


@pytest.fixture
def emsp(db: None) -> Party:
    return factories.partner("SE-ELV:EMSP", ours=[factories.own_party()]).party


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "zone", "length", "labels"),
    [
        (date(2026, 3, 28), "Europe/Berlin", 24, ["01:00", "02:00", "03:00"]),
        (date(2026, 3, 29), "Europe/Berlin", 23, ["01:00", "03:00", "04:00"]),
        (date(2026, 10, 25), "Europe/Berlin", 25, ["01:00", "02:00 +0200", "02:00 +0100"]),
        (date(2026, 4, 5), "Australia/Lord_Howe", 24.5, ["01:00", "01:30", "02:30"]),
        (date(2026, 10, 25), "Asia/Kathmandu", 24, ["01:00", "02:00", "03:00"]),
    ],
)
def test_a_day_has_the_hours_that_its_clock_shows(day: date, zone: str, length: float, labels: list[str]) -> None:
    drawn = axis(day, ZoneInfo(zone))
    assert drawn.hours == length
    assert [tick.label for tick in drawn.ticks()][1:4] == labels
    assert bool(drawn.note) is (length != 24)
    assert (drawn.share(drawn.starts_at), drawn.share(drawn.ends_at + timedelta(hours=1))) == (0, 100)


@pytest.mark.parametrize(
    ("text", "second", "is_utc"),
    [
        ("2026-10-25T02:30", False, None),
        ("2026-10-25T02:30", True, "2026-10-25T01:30"),
        ("2026-03-29T02:30", False, None),
        ("2026-07-01T12:00", False, "2026-07-01T10:00"),
        ("2026-07-01T12:00", True, "2026-07-01T10:00"),
        ("2026-07-01T12:00+00:00", False, "2026-07-01T12:00"),
        ("0001-01-01T00:00", False, None),
        ("tomorrow", False, None),
    ],
)
def test_a_time_that_is_typed_means_one_moment_or_is_refused(text: str, second: bool, is_utc: str | None) -> None:
    if is_utc is None:
        with pytest.raises(NoSuchTime):
            moment_of(text, BERLIN, second=second)
        return
    assert moment_of(text, BERLIN, second=second) == datetime.fromisoformat(is_utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("weekdays", "opens", "closes"),
    [
        (range(7), time(0), time(0)),
        (range(5), time(8), time(18)),
        (range(5), time(0), time(0)),
        ((5, 6), time(22), time(6)),
        (range(7), time(6), time(6)),
    ],
)
def test_a_form_says_again_what_it_was_told(weekdays: Any, opens: time, closes: time) -> None:
    """Across both changes of the clock. What no form can say, none says: it would be replaced unread."""
    told = hours(date(2026, 10, 1), date(2027, 4, 5), weekdays=weekdays, opens=opens, closes=closes, zone=BERLIN)
    found = weekly(told, BERLIN)
    assert found is not None
    assert (found.weekdays, found.opens, found.closes) == (frozenset(weekdays), opens, closes)
    end = told[-1][1]
    assert weekly([*told, (end + timedelta(hours=3), end + timedelta(hours=4))], BERLIN) is None
    assert weekly([], BERLIN) is None


def test_opening_hours_follow_the_clock_of_the_location() -> None:
    found = hours(date(2026, 3, 27), date(2026, 3, 30), weekdays={4, 5, 6}, opens=time(8), closes=time(18), zone=BERLIN)
    assert [(start.hour, (end - start) / timedelta(hours=1)) for start, end in found] == [(7, 10), (7, 10), (6, 10)]
    (night,) = hours(
        date(2026, 3, 28), date(2026, 3, 29), weekdays=range(7), opens=time(0), closes=time(0), zone=BERLIN
    )
    assert (night[1] - night[0]) / timedelta(hours=1) == 47
    assert week_of(date(2026, 4, 1))[0] == date(2026, 3, 30)


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(emsp: Party) -> BookableLocation:
    """Three EVSEs in Berlin, each as good as another, open in April 2026."""
    tree = factories.small_location("LOC1", "DE-RDK", time_zone="Europe/Berlin")
    tree["evses"] = [tree["evses"][0] | {"uid": f"E{number}", "evse_id": f"DE*RDK*E{number}"} for number in (1, 2, 3)]
    return rows.place(factories.own_location(tree), datetime(2026, 4, 1, tzinfo=UTC))


def evses(place: BookableLocation) -> list[Evse]:
    return list(Evse.objects.filter(location=place.premises_id).order_by("uid"))


def at(hour: float) -> datetime:
    """Of the second of April 2026, UTC; Berlin is two hours ahead."""
    return datetime(2026, 4, 2, tzinfo=UTC) + timedelta(hours=hour)


def test_an_empty_calendar_leads_to_the_wizard(staff: Client) -> None:
    text = page(staff, CALENDAR)
    assert "Nothing can be booked yet" in text and "/admin/bookings/bookablelocation/add/" in text
    assert "Nothing is booked at partners" in page(staff, CALENDAR + "?side=theirs")


def test_a_day_shows_bars_by_the_clock_of_the_location(staff: Client, place: BookableLocation, emsp: Party) -> None:
    first, second, third = evses(place)
    row = rows.booking(place, emsp, at(10), evse=first)
    rows.booking(place, emsp, at(12), evse=second, status="PENDING", asked="PENDING")
    rows.booking(place, emsp, at(12), evse=third, asked="DECLINED")
    rows.booking(place, emsp, at(13))
    gone = rows.booking(place, emsp, at(14), evse=first, status="CANCELED")
    text = page(staff, CALENDAR + "?day=2026-04-02")
    assert "12:00–13:00 Reserved SE-ELV" in text, "Berlin, not UTC"
    assert "14:00–15:00 Pending" in text and "14:00–15:00 Reserved, last request declined" in text
    assert "No EVSE yet" in text and "15:00–16:00 Reserved" in text
    assert f"/admin/bookings/booking/{row.pk}/change/" in text
    assert "rb-open" in text and "rb-buffer" in text
    assert f"/admin/bookings/booking/{gone.pk}/change/" not in text
    assert f"/admin/bookings/booking/{gone.pk}/change/" in page(staff, CALENDAR + "?day=2026-04-02&everything=1")
    week = page(staff, CALENDAR + "?view=week&day=2026-04-02")
    assert "12:00–13:00 Reserved" in week and "1 waiting" in week
    assert "12:00–13:00" not in page(staff, CALENDAR + "?day=2026-04-03")


@pytest.mark.parametrize(
    "asked", ["?day=9999-12-31", "?day=0001-01-01", "?page=99", "?location=0", "?view=x&side=x&page=x"]
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(staff: Client, place: BookableLocation, asked: str) -> None:
    page(staff, CALENDAR + asked)


def test_a_day_of_twenty_five_hours_has_two_at_two(staff: Client, place: BookableLocation, emsp: Party) -> None:
    (evse, *_) = evses(place)
    rows.booking(place, emsp, datetime(2026, 10, 25, 1, tzinfo=UTC), evse=evse)
    text = page(staff, CALENDAR + "?day=2026-10-25")
    assert "This day has 25 hours there" in text
    assert "02:00 +0200" in text and "02:00 +0100" in text
    assert "left:12.0%" in text, "the second two o'clock is the fourth hour of twenty-five"


def test_a_session_lies_below_the_booking_that_it_is_of(staff: Client, place: BookableLocation, emsp: Party) -> None:
    (evse, *_) = evses(place)
    row = rows.booking(place, emsp, at(10), evse=evse, status="FULFILLED")
    charge_rows.session(place.party, emsp, at(10), point=evse, ends_at=at(11), status="COMPLETED")
    text = page(staff, CALENDAR + "?day=2026-04-02")
    assert "12:00–13:00 Charged" in text and "--lanes:2" in text
    assert f"/admin/bookings/booking/{row.pk}/change/" in text


@pytest.mark.parametrize(
    "path", [CALENDAR + "?day=2026-04-02", CALENDAR + "?view=week&day=2026-04-02", LIST, LIST + "conflicts/"]
)
def test_many_bookings_cost_no_more_statements(staff: Client, place: BookableLocation, emsp: Party, path: str) -> None:
    counts = []
    for number in (1, 100):
        rows.many(place, emsp, at(2 if number > 1 else 1), number, evses(place))
        page(staff, path)
        with Counted() as counted:
            page(staff, path)
        counts.append(counted.number)
    assert counts[0] == counts[1], counts
    assert counts[1] <= 16, counted.statements


def test_what_partners_keep_for_our_drivers_has_its_own_side(staff: Client, emsp: Party) -> None:
    us = Party.objects.get(ours=True)
    place = BookableLocation.objects.create(
        party=emsp,
        object_id="P1",
        document="{}",
        ours=False,
        location_id="L1",
        evse_uid="E9",
        time_zone="Europe/Berlin",
        created_at=at(0),
        last_updated=at(0),
    )
    rows.booking(place, us, at(10), evse_uid="E9")
    text = page(staff, CALENDAR + "?side=theirs&day=2026-04-02")
    assert "12:00–13:00 Reserved DE-RDK" in text and "E9" in text
    assert "12:00–13:00" not in page(staff, CALENDAR + "?day=2026-04-02")


# --- conflicts --------------------------------------------------------------------------------------------------------


def kinds(row: Booking, now: datetime) -> set[str]:
    return {each.kind.value for each in conflicts.found(now=now, bookings=[row.pk])}


def test_each_conflict_is_found(place: BookableLocation, emsp: Party) -> None:
    """A table of worlds: what is done to a booking without a conflict, and which it has then."""
    first, second, _ = evses(place)
    now = at(9.75)
    row = rows.booking(place, emsp, at(10), evse=first)
    assert kinds(row, now) == set()

    other = rows.booking(place, emsp, at(10.5), evse=first)
    assert kinds(row, now) == {"OVERLAP"} == kinds(other, now)
    Booking.objects.filter(pk=other.pk).update(evse=second)
    assert kinds(row, now) == set()

    for status in ("OUTOFORDER", "INOPERATIVE"):
        Evse.objects.filter(pk=first.pk).update(status=status)
        assert kinds(row, now) == {"DOWN"}
        assert kinds(row, now - timedelta(days=3)) == set(), "what is down now says nothing of next week"
    Evse.objects.filter(pk=first.pk).update(status="AVAILABLE")

    charging = charge_rows.session(place.party, emsp, at(9), point=first)
    assert kinds(row, now) == {"SESSION"} and kinds(other, now) == set()
    Booking.objects.filter(pk=row.pk).update(session=charging)
    assert kinds(row, now) == set(), "the charge on it is no conflict"

    row.place.shortest = 90
    row.place.save()
    assert kinds(row, now) == {"LENGTH"}
    BookableLocation.objects.update(shortest=None, longest=30)
    assert kinds(row, now) == {"LENGTH"}
    BookableLocation.objects.update(longest=None)

    Evse.objects.filter(pk=first.pk).update(max_power=10_000)
    assert kinds(row, now) == {"POWER"}
    Evse.objects.filter(pk=first.pk).update(max_power=22_000)

    row.requests.update(status="PENDING", asks="CHANGE")
    assert kinds(row, now) == {"LATE_CHANGE"} and kinds(row, at(8)) == {"LATE_CHANGE"} - {"LATE_CHANGE"}
    row.requests.update(status="DECLINED")

    token, twin = row.tokens.get(), other.tokens.get()
    other.tokens.update(exclusive=False, key=token.key)
    assert kinds(row, now) == set() and kinds(other, now) == {"TOKEN"}
    other.tokens.update(key=twin.key)

    place.openings.update(starts_at=at(10.25))
    assert kinds(row, now) == {"OUTSIDE"} and kinds(other, now) == set()
    assert {kind.value: number for kind, number in conflicts.counted(now=now).items()} == {"OUTSIDE": 1}
    Booking.objects.filter(pk=row.pk).update(status="CANCELED")
    assert kinds(row, now) == set()


def test_all_conflicts_are_looked_for_once(
    place: BookableLocation, emsp: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the planner thinks of tables that it knows nothing of: five hundred bookings took half a minute."""
    for number in range(8):
        rows.booking(place, emsp, at(8 + number), evse=evses(place)[0])
    plans: list[Any] = []

    def explained(sql: str, given: dict[str, object]) -> list[Any]:
        with database.cursor() as cursor:
            cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", given)
            plans.append(cursor.fetchone()[0][0]["Plan"])
        return []

    monkeypatch.setattr(conflicts, "_run", explained)
    conflicts.found(now=at(7))
    nodes = [plans[0]]
    for node in nodes:
        nodes += node.get("Plans", [])
    assert [node["Actual Loops"] for node in nodes if node["Node Type"] == "Append"] == [1]


def test_conflicts_have_a_page_and_a_filter(staff: Client, place: BookableLocation, emsp: Party) -> None:
    soon = site.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
    row = rows.booking(place, emsp, soon, evse=evses(place)[0])
    text = page(staff, LIST + "conflicts/")
    assert "Outside of the calendar" in text and row.object_id in text
    change = f"/admin/bookings/booking/{row.pk}/change/"
    assert change in page(staff, LIST + "?conflict=OUTSIDE") and change not in page(staff, LIST + "?conflict=POWER")
    Booking.objects.update(status="CANCELED")
    assert "No conflicts" in page(staff, LIST + "conflicts/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=RESERVED", True), ("?status=live", True), ("?status=NO_SHOW", False),
        ("?request=ACCEPTED", True), ("?pending=0", False), ("?when=tomorrow", False), ("?when=week", True),
        ("?side=ours", True), ("?side=theirs", False), ("?vehicle=VAN", True), ("?vehicle=BUS", False),
        ("?q=b", True), ("?q=04A1B2C3", False), ("?status=NONSENSE&location=x", True),
    ],
)  # fmt: skip
def test_filters_and_search(staff: Client, place: BookableLocation, emsp: Party, query: str, found: bool) -> None:
    soon = site.now() + timedelta(days=3)
    row = rows.booking(place, emsp, soon, evse=evses(place)[0])
    assert (f"/admin/bookings/booking/{row.pk}/change/" in page(staff, LIST + query)) is found


def test_the_list_shows_all_columns(staff: Client, place: BookableLocation, emsp: Party) -> None:
    row = rows.booking(place, emsp, site.now() + timedelta(days=3), evse=evses(place)[0])
    token: Any = row.tokens.get()
    text = page(staff, LIST)
    for words in (row.request_id, row.object_id, "SE-ELV", "Europe/Berlin", "11 kW", f"…{token.uid[-4:]}", "Reserved",
                  "With an access code"):  # fmt: skip
        assert words in text, words
    assert token.uid not in text


def test_the_start_page_tells_of_bookings(staff: Client, place: BookableLocation, emsp: Party) -> None:
    now = site.now()
    first, second, third = evses(place)
    rows.booking(place, emsp, now - timedelta(hours=3), evse=first, status="NO_SHOW")
    rows.booking(place, emsp, now - timedelta(hours=3), evse=second, status="FULFILLED")
    rows.booking(place, emsp, now + timedelta(hours=5), evse=third, status="PENDING", asked="PENDING")
    panels = staff.get("/admin/").context["panels"]
    (panel,) = (panel for panel in panels if panel.key == "bookings")
    told = {figure.label: figure.value for figure in panel.figures}
    assert told["no-shows"] == "50.0%" and told["wait for an answer"] == "1"
    assert told["conflicts"] == "1", "outside of the calendar of April"
    assert any("outside of the calendar" in matter.sentence for matter in panel.matters)
    for figure in panel.figures:
        page(staff, figure.url)
