"""Several bookings cancelled at once, for a charger that broke: which and whose drivers, why, then what became of each. Each is
cancelled by itself: one that cannot be any more holds up none of the others."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.bookings.actions import keeping
from backoffice.bookings.actions.keeping import UnableToKeep
from backoffice.bookings.admin import words
from backoffice.bookings.admin.deciding import OURS, decides
from backoffice.bookings.admin.detail import DECIDE
from backoffice.bookings.models import Booking
from backoffice.console.given import number
from backoffice.roaming_site import site
from ocpi.wire.bookings import CanceledReason

MOST = 500


class BulkPages:
    """Part of BookingAdmin."""

    def bulk_urls(self: Any) -> list[URLPattern]:
        return [self.page("several/", require_POST(self.several_view), "several", permission=DECIDE)]

    def several_view(self: Any, request: HttpRequest) -> HttpResponse:
        given = request.POST
        chosen = [pk for text in given.getlist("pk") if (pk := number(text)) is not None][:MOST]
        found = [
            row
            for row in self.get_queryset(request)
            .defer("document", "evse__document", "place__document", "place__premises__document")
            .select_related("party", "emsp", "evse", "place__premises")
            .filter(pk__in=chosen)
            .order_by("starts_at")
            if decides(row, request)
        ]
        if not found:
            self.message_user(request, "Choose some bookings first: each row has a box.")
            return redirect("admin:bookings_booking_conflicts")
        rows = [row for row in found if row.status == "RESERVED"]
        reason, sure = given.get("canceled", ""), given.get("sure") == "1"
        known = reason in {each.value for each in OURS}
        context = {
            "title": "Cancel several bookings",
            "crumbs": [("Conflicts of bookings", reverse("admin:bookings_booking_conflicts"))],
            "rows": [_told(row) for row in rows],
            "left": [_told(row) for row in found if row not in rows],
            "emsps": sorted({str(row.emsp) for row in rows}),
            "reasons": [(each.value, words.REASONS[each.value]) for each in OURS],
            "missing": sure and not known,
        }
        if not sure or not known or not rows:
            return self.render(request, "console/bookings/several.html", context, status=422 if sure and rows else 200)
        done, failed = [], []
        note = given.get("reason", "").strip()[:300]
        for row in rows:
            try:
                keeping.cancel(
                    row.pk,
                    reason=CanceledReason(reason),
                    note_to_staff=note,
                    by=request.user.get_username(),
                    now=site.now(),
                )
            except UnableToKeep as error:
                failed.append((_told(row), str(error)))
            else:
                self.note(request, row, f"Cancel the booking: {note}".strip(": "))
                done.append(_told(row))
        context |= {
            "title": "Cancel several bookings: what became of them",
            "done": done,
            "failed": failed,
            "over": True,
        }
        return self.render(request, "console/bookings/several.html", context)


def _told(row: Booking) -> dict[str, Any]:
    zone = words.zone_of(row.time_zone)
    return {
        "row": row,
        "place": words.place_name(row.place) if row.place else row.location_id,
        "where": words.where(row),
        "day": row.starts_at.astimezone(zone).replace(tzinfo=None),
        "when": words.period(row.starts_at, row.ends_at, zone),
        "zone": zone,
        "standing": words.standing(row),
    }
