"""What staff enter to make a location bookable, read: which EVSEs, when they are open, under which terms. Forms in, trees of the
specification out; what makes no sense is said field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.bookings.actions.publishing import Offer
from backoffice.bookings.models import BookableLocation, Calendar
from backoffice.bookings.models.places import Decides
from backoffice.bookings.rules.days import day_of
from backoffice.bookings.rules.opening import MOST_DAYS, hours, weekly
from backoffice.bookings.rules.terms import STANDARD
from backoffice.console.given import number
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import LocationAccess

Tree = dict[str, Any]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

MINUTES = ("change_until_minutes", "cancel_until_minutes", "early_start_time", "noshow_timeout", "late_stop_time")
FLAGS = {
    "change_not_allowed": "No change is allowed at all",
    "noshow_fee": "A no-show costs a fee, as the tariff says",
    "RFID_auth_required": "Needs a card at the charger",
    "remote_auth_supported": "Can be started from afar",
    "token_groups_supported": "Any token of the same group will do",
    "overlapping_bookings_allowed": "A token may be in several bookings at once",
}
NAMES = {
    "change_until_minutes": "Can be changed until so many minutes before",
    "cancel_until_minutes": "Can be cancelled until so many minutes before",
    "early_start_time": "May start so many minutes early (empty: not)",
    "noshow_timeout": "Let go when nobody came within minutes (empty: never)",
    "late_stop_time": "May stop so many minutes late (empty: not)",
}
MOST_MINUTES = 60 * 24 * 31


@dataclass(slots=True)
class Read:
    """What a form gives: the values as typed, what they come to, what is wrong with single fields."""

    typed: Tree = field(default_factory=dict)
    tree: Tree = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def terms_of(given: Any, *, fresh: bool) -> Read:
    """BookingTerms. `given`: a QueryDict; `fresh`: nobody has filled it in yet, so the standard stands there."""
    if fresh:
        return typed_terms(STANDARD)
    read = Read()
    for name in MINUTES:
        text = given.get(name, "").strip()
        read.typed[name] = text
        minutes = number(text)
        if text and (minutes is None or minutes > MOST_MINUTES):
            read.wrong[name] = f"Minutes, from 0 to {MOST_MINUTES}."
        elif minutes is not None:
            read.tree[name] = minutes
        elif name in ("change_until_minutes", "cancel_until_minutes"):
            read.wrong[name] = "How many minutes?"
    for name in FLAGS:
        read.typed[name] = given.get(name) == "1"
        if read.typed[name]:
            read.tree[name] = True
    if read.tree.get("early_start_time"):
        read.tree["early_start_allowed"] = True
    if read.tree.get("late_stop_time"):
        read.tree["late_stop_allowed"] = True
    access = [each.value for each in LocationAccess if each.value in given.getlist("access")]
    read.typed["access"] = access
    read.tree["supported_access_methods"] = access
    if not access:
        read.wrong["access"] = "Choose how drivers get in."
    url = given.get("booking_terms", "").strip()[:255]
    read.typed["booking_terms"] = url
    if url and not url.startswith(("https://", "http://")):
        read.wrong["booking_terms"] = "An address that begins with https://."
    elif url:
        read.tree["booking_terms"] = url
    return read


def typed_terms(tree: Mapping[str, Any]) -> Read:
    """Terms as they are, for the form."""
    read = Read(tree=dict(tree))
    for name in MINUTES:
        value = tree.get(name)
        read.typed[name] = "" if value is None else f"{value}"
    for name in FLAGS:
        read.typed[name] = bool(tree.get(name))
    read.typed["access"] = list(tree.get("supported_access_methods") or ())
    read.typed["booking_terms"] = tree.get("booking_terms") or ""
    return read


def calendar_of(given: Any, zone: ZoneInfo, *, object_id: str, today: date, fresh: bool) -> Read:
    """A Calendar without `last_updated`. `fresh`: the next three months, day and night."""
    read = Read()
    read.typed = {
        "first": given.get("first", today.isoformat() if fresh else ""),
        "last": given.get("last", (today + timedelta(days=90)).isoformat() if fresh else ""),
        "opens": given.get("opens", "00:00" if fresh else ""),
        "closes": given.get("closes", "00:00" if fresh else ""),
        "weekdays": [each for each in range(7) if str(each) in given.getlist("weekdays")]
        if not fresh
        else list(range(7)),
        "step": given.get("step", "15" if fresh else ""),
        "max_power": given.get("max_power", ""),
        "green": given.get("green", ""),
    }
    typed = read.typed
    first, last = day_of(typed["first"]), day_of(typed["last"])
    opens, closes = _time(typed["opens"]), _time(typed["closes"])
    step, kilowatts = number(typed["step"]), number(typed["max_power"])
    if first is None:
        read.wrong["first"] = "From which day?"
    if last is None:
        read.wrong["last"] = "Until which day?"
    if first and last and not 0 <= (last - first).days <= MOST_DAYS:
        read.wrong["last"] = f"Not before the first day, and at most {MOST_DAYS} days."
    for name, value in (("opens", opens), ("closes", closes)):
        if value is None:
            read.wrong[name] = "A time, such as 08:00."
    if not typed["weekdays"]:
        read.wrong["weekdays"] = "On which days of the week?"
    if step is None or not 1 <= step <= 1440:
        read.wrong["step"] = "Minutes, from 1 to 1440."
    if typed["max_power"] and (kilowatts is None or not 1 <= kilowatts <= 5000):
        read.wrong["max_power"] = "kW, from 1 to 5000."
    if read.wrong or first is None or last is None or opens is None or closes is None:
        return read
    stretches = hours(first, last, weekdays=typed["weekdays"], opens=opens, closes=closes, zone=zone)
    if not stretches:
        read.wrong["weekdays"] = "None of these days is between the first and the last."
        return read
    more: Tree = {}
    if kilowatts:
        more["max_power"] = kilowatts * 1000
    if typed["green"] in ("yes", "no"):
        more["green_energy_support"] = typed["green"] == "yes"
    read.tree = {
        "id": object_id,
        "begin_from": date_time_text(stretches[0][0]),
        "end_before": date_time_text(stretches[-1][1]),
        "step_size": step,
        "available_timeslots": [
            {"start_from": date_time_text(start), "end_before": date_time_text(end), **more} for start, end in stretches
        ],
    }
    return read


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def typed_calendar(row: Calendar, zone: ZoneInfo) -> Tree:
    """An existing calendar as the form says it. What the form cannot say, such as other hours on Sundays, is left empty, so that
    nobody replaces it by something else without having typed it."""
    first, last = row.begins_at.astimezone(zone), (row.ends_at - timedelta(minutes=1)).astimezone(zone)
    typed: Tree = {"first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}", "step": str(row.step or 15)}
    typed |= {"opens": "", "closes": "", "weekdays": [], "max_power": "", "green": ""}
    openings = list(row.openings.values_list("starts_at", "ends_at", "min_power", "max_power", "green"))
    alike = {each[2:] for each in openings}
    regular = weekly([(start, end) for start, end, *_ in openings], zone)
    if regular is None or len(alike) != 1:
        return typed
    ((least, most, green),) = alike
    kilowatts = None if most is None else most / 1000
    if least is not None or (kilowatts is not None and kilowatts != int(kilowatts)):
        return typed
    return typed | {
        "first": regular.first.isoformat(),
        "last": regular.last.isoformat(),
        "opens": f"{regular.opens:%H:%M}",
        "closes": f"{regular.closes:%H:%M}",
        "weekdays": sorted(regular.weekdays),
        "max_power": "" if kilowatts is None else str(int(kilowatts)),
        "green": "" if green is None else "yes" if green else "no",
    }


def policy_of(given: Any, *, fresh: bool) -> Read:
    """Who decides, how long a booking may be, who hears of the place."""
    read = Read()
    read.typed = {
        "decides": given.get("decides", Decides.ITSELF.value),
        "shortest": given.get("shortest", "15" if fresh else ""),
        "longest": given.get("longest", "240" if fresh else ""),
        "shared": fresh or given.get("shared") == "1",
        "reservation_required": given.get("reservation_required") == "1",
        "tariffs": given.get("tariffs", "").strip()[:400],
    }
    decides = read.typed["decides"]
    read.tree["decides"] = Decides(decides) if decides in Decides.values else Decides.ITSELF
    for name in ("shortest", "longest"):
        text = read.typed[name].strip()
        minutes = number(text)
        if text and (minutes is None or not 1 <= minutes <= 60 * 24 * 14):
            read.wrong[name] = "Minutes, at most 14 days."
        read.tree[name] = minutes
    if read.tree["shortest"] and read.tree["longest"] and read.tree["shortest"] > read.tree["longest"]:
        read.wrong["longest"] = "Not less than the shortest."
    tariffs = tuple(dict.fromkeys(read.typed["tariffs"].replace(",", " ").split()))
    if any(len(each) > 36 for each in tariffs):
        read.wrong["tariffs"] = "Ids of tariffs have at most 36 characters."
    read.tree |= {
        "shared": read.typed["shared"],
        "reservation_required": read.typed["reservation_required"],
        "tariff_ids": tariffs,
    }
    return read


def offer_of(place: BookableLocation) -> Offer:
    """The offer that a place of ours is, to be changed in parts. It must still have its Location."""
    assert place.premises is not None
    tree = place.tree()
    evse, spaces = None, {}
    for resource in place.resources.prefetch_related("spaces__evse"):
        found = [space.evse for space in resource.spaces.all()]
        if resource.option is None:
            evse = found[0] if found else None
        else:
            spaces[resource.option] = [each.pk for each in found]
    bookable = tree.get("bookable") or {}
    return Offer(
        location=place.premises,
        object_id=place.object_id,
        evse=evse,
        connector_id=tree.get("connector_id") or "",
        options=() if evse is not None else tuple(tree.get("bookable_parking_options") or ()),
        spaces=spaces,
        terms=terms_in(tree),
        tariff_ids=tuple(tree.get("tariff_id") or ()),
        reservation_required=place.reservation_required,
        ad_hoc=bookable.get("ad_hoc"),
        decides=Decides(place.decides),
        shortest=place.shortest,
        longest=place.longest,
        shared=place.shared,
    )


def terms_in(tree: Tree) -> tuple[Tree, ...]:
    told = tree.get("booking_terms") or []
    return (told,) if isinstance(told, dict) else tuple(told)


def with_terms(offer: Offer, place: int, terms: Tree) -> Offer:
    """With these in the place of the terms that stood there; what the form does not know of them stays."""
    listed = list(offer.terms) or [dict(STANDARD)]
    at = min(place, len(listed) - 1)
    known = {*MINUTES, *FLAGS, "early_start_allowed", "late_stop_allowed", "supported_access_methods", "booking_terms"}
    listed[at] = {name: value for name, value in listed[at].items() if name not in known} | terms
    return replace(offer, terms=tuple(listed))
