"""One booking: both its states, when what may still happen, how the driver gets in, everything that was asked and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.bookings import conflicts
from backoffice.bookings.admin import words
from backoffice.bookings.models import Booking, BookingAsked
from backoffice.bookings.rules.states import LIVE, TRANSITIONS, Event, moved
from backoffice.console import trail
from backoffice.console.cells import masked
from backoffice.console.scope import parties_of
from backoffice.delivery.models import Exchange, Message
from backoffice.fields import DocumentField
from backoffice.roaming_site import site
from ocpi.wire.bookings import ReservationStatus

TABS = {"": "Summary", "history": "Requests and history", "messages": "Messages", "json": "OCPI JSON"}

DECIDE, MAKE = "bookings.decide_booking", "bookings.make_booking"

TERMS = {
    # field: what it says, unit
    "change_until_minutes": ("Can be changed until so long before", "min"),
    "cancel_until_minutes": ("Can be cancelled until so long before", "min"),
    "change_not_allowed": ("No change is allowed", ""),
    "early_start_allowed": ("May start early", ""),
    "early_start_time": ("How early", "min"),
    "noshow_timeout": ("Let go when nobody comes after", "min"),
    "noshow_fee": ("A no-show costs a fee", ""),
    "late_stop_allowed": ("May stop late", ""),
    "late_stop_time": ("How late", "min"),
    "RFID_auth_required": ("Needs a card at the charger", ""),
    "remote_auth_supported": ("Can be started from afar", ""),
    "token_groups_supported": ("Any token of the same group will do", ""),
    "overlapping_bookings_allowed": ("A token may be in several bookings at once", ""),
    "booking_terms": ("The terms in full", ""),
}


class DetailPages:
    """Part of BookingAdmin."""

    def detail_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/change/", self.detail_view, "change")]

    def detail_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        row: Booking = one(self, request, pk)
        tab = request.GET.get("tab", "") if request.GET.get("tab", "") in TABS else ""
        now = site.now()
        tree = seen(row.tree(), request)
        context = {
            "title": f"Booking {row.object_id}",
            "crumbs": [("Bookings", reverse("admin:bookings_booking_changelist"))],
            "row": row,
            "trail": trail.of(request, row, "booking"),
            "zone": words.zone_of(row.time_zone),
            "standing": words.standing(row),
            "meaning": words.MEANINGS[row.status],
            "asked_standing": words.asked_standing(row.request_status),
            "stays": row.status == "RESERVED" and row.request_status in ("PENDING", "DECLINED", "FAILED"),
            "may": may(row, request, now),
            "tab": tab,
            "tabs": [(key, label, key == tab) for key, label in TABS.items()],
            "tree": tree,
        }
        parts = {"": _summary, "history": _history, "messages": _messages, "json": _nothing}
        return self.render(request, "console/bookings/detail.html", context | parts[tab](row, tree, request, now))

    def change_view(
        self: Any, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Of Django's own pages, what the address of ours does not match."""
        raise Http404


def one(admin: Any, request: HttpRequest, pk: int) -> Booking:
    """With all that its pages name. Raises Http404."""
    found: Booking = admin.one(request, pk)
    return found


def seen(tree: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """The document, with tokens and codes as far as this user may see them."""
    if request.user.has_perm("tokens.see_uid"):
        return tree

    def hide(value: Any) -> Any:
        if isinstance(value, list):
            return [hide(each) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {name: hide(part) for name, part in value.items()}
        if isinstance(kept.get("uid"), str):
            kept["uid"] = masked(kept["uid"])
        if "location_access" in kept and kept.get("value"):
            kept["value"] = masked(str(kept["value"]))
        return kept

    found: dict[str, Any] = hide(tree)
    return found


def may(row: Booking, request: HttpRequest, now: datetime) -> dict[str, bool]:
    """Which buttons are there. Who sees a booking as its eMSP does not thereby decide for the CPO, nor the other way round."""
    parties = parties_of(request.user)
    decides = row.ours and request.user.has_perm(DECIDE) and (parties is None or row.party_id in parties)
    makes = row.emsp.ours and request.user.has_perm(MAKE) and (parties is None or row.emsp_id in parties)
    status = ReservationStatus(row.status)
    waits = row.request_status == "PENDING"
    reserved = status is ReservationStatus.RESERVED
    return {
        "accept": decides and waits,
        "decline": decides and waits,
        "assign": decides and reserved and row.ends_at > now,
        "move": decides and reserved,
        "cancel": decides and reserved and moved(status, Event.CANCEL) is not None,
        "miss": decides and moved(status, Event.MISS) is not None and row.starts_at <= now,
        "fulfil": decides and moved(status, Event.FULFIL) is not None and row.early_from <= now,
        "change": makes and reserved and not waits and row.change_until is not None and row.change_until >= now,
        "take_back": makes and status in LIVE and (row.cancel_until >= now or not TRANSITIONS[status]),
    }


def _nothing(row: Booking, tree: dict[str, Any], request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {}


def _summary(row: Booking, tree: dict[str, Any], request: HttpRequest, now: datetime) -> dict[str, Any]:
    zone = words.zone_of(row.time_zone)
    terms = tree.get("booking_terms") or {}
    found = conflicts.found(now=now, bookings=[row.pk]) if ReservationStatus(row.status) in LIVE else []
    return {
        "place": words.place_name(row.place) if row.place else row.location_id,
        "where": words.where(row),
        "power": words.power(row.power),
        "times": _times(row, zone, now),
        "times_day": f"{row.starts_at.astimezone(zone):%Y-%m-%d}",
        "tokens": tree.get("booking_tokens") or [],
        "access": [
            (words.ACCESS.get(each.get("location_access", ""), each.get("location_access")), each.get("value", ""))
            for each in tree.get("access_methods") or ()
        ],
        "terms": [(TERMS[name][0], term(terms[name], TERMS[name][1])) for name in TERMS if terms.get(name) is not None],
        "option": tree.get("bookable_parking_option"),
        "vehicles": [
            words.VEHICLES.get(each, each)
            for each in (tree.get("bookable_parking_option") or {}).get("vehicle_types") or ()
        ],
        "canceled": words.REASONS.get(row.canceled_reason, row.canceled_reason),
        "conflicts": [(*conflicts.KINDS[each.kind], each.text) for each in found],
        "waiting": waiting(row),
    }


def waiting(row: Booking) -> dict[str, Any] | None:
    """The request that waits, in words."""
    asked = row.requests.filter(status="PENDING").first()
    return asked_facts(asked, words.zone_of(row.time_zone)) if asked is not None else None


def term(value: Any, unit: str) -> str:
    if value is True or value is False:
        return "yes" if value else "no"
    return f"{value} {unit}".strip()


def _times(row: Booking, zone: ZoneInfo, now: datetime) -> list[tuple[str, Any, str]]:
    """What is when, by the clock of the location, and whether it is over: the deadlines are computed from the terms."""
    live = ReservationStatus(row.status) in LIVE
    listed: list[tuple[str, datetime | None, str]] = [
        ("Can be changed until", row.change_until, "the terms allow no change"),
        ("Can be cancelled until", row.cancel_until, ""),
        ("May start from", row.early_from, ""),
        ("Begins", row.starts_at, ""),
        ("Let go when nobody came by", row.noshow_at, "never"),
        ("Ends", row.ends_at, ""),
        ("May charge until", row.late_until, ""),
    ]
    found = []
    for label, moment, otherwise in listed:
        if label == "May start from" and moment == row.starts_at:
            continue
        if label == "May charge until" and moment == row.ends_at:
            continue
        over = "over" if moment is not None and moment < now else ""
        found.append((label, words.there(moment, zone) if moment else otherwise, over if live else ""))
    return found


def asked_facts(row: BookingAsked, zone: ZoneInfo) -> dict[str, Any]:
    tree = DocumentField.read(row.document)
    period = tree.get("period") or {}
    start, end = words.moment(period.get("start_from")), words.moment(period.get("end_before"))
    canceled = tree.get("canceled") or {}
    reason = canceled.get("cancellation_reason", "")
    return {
        "row": row,
        "asks": words.asked_word(row),
        "standing": words.asked_standing(row.status),
        # naive: templates would put it back into UTC
        "day": start.astimezone(zone).replace(tzinfo=None) if start else None,
        "period": words.period(start, end, zone) if start and end else "",
        "zone": zone,
        "power": tree.get("power_required"),
        "evse": tree.get("evse_uid") or "",
        "canceled": words.REASONS.get(reason, reason),
        "way": words.WAYS.get(row.way, row.way),
        "who": row.asked_by or ("the driver" if row.by_driver else str(row.emsp)),
    }


def _history(row: Booking, tree: dict[str, Any], request: HttpRequest, now: datetime) -> dict[str, Any]:
    zone = words.zone_of(row.time_zone)
    return {
        "times": _times(row, zone, now),
        "requests": [asked_facts(each, zone) for each in row.requests.select_related("emsp")[:200]],
        "events": list(row.events.select_related("asked").defer("asked__document")[:500]),
    }


def _messages(row: Booking, tree: dict[str, Any], request: HttpRequest, now: datetime) -> dict[str, Any]:
    path = row.object_id
    owner = f"{row.party.country_code}/{row.party.party_id}/{row.object_id}"
    told = Message.objects.filter(module="bookings", object_path=path, sender=row.party).select_related("connection")
    exchanges = Exchange.objects.filter(module="bookings", object_path__in=[path, owner]).select_related("connection")
    return {"messages": list(told[:50]), "exchanges": list(exchanges.order_by("-at")[:50])}
