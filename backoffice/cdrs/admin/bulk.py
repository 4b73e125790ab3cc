"""Buttons of the inbox for several CDRs at once: what will happen and to which, why, then what became of each.

Each CDR is decided by itself: one that cannot be decided any more holds up none of the others, and can be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.cdrs.actions import checking, deciding
from backoffice.cdrs.actions.deciding import UnableToDecide
from backoffice.cdrs.admin.query import Asked
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.states import TO_REVIEW, CdrState
from backoffice.console.given import number
from backoffice.console.windows import PAGE
from backoffice.roaming_site import site

MOST = 2 * PAGE
"""Of one page there are never more."""


@dataclass(frozen=True, slots=True)
class Deed:
    """`fits`: to which CDRs it can be done. `do`: one of them; returns what became of it, or raises UnableToDecide."""

    title: str
    button: str
    will: tuple[str, ...]
    permission: str
    fits: Callable[[Cdr], bool]
    do: Callable[..., str]
    reasoned: bool = True
    danger: bool = False


def _accept(cdr: Cdr, *, now: datetime, by: str, reason: str) -> str:
    deciding.accept(cdr, now=now, by=by, reason=reason)
    return "accepted"


def _release(cdr: Cdr, *, now: datetime, by: str, reason: str) -> str:
    deciding.release(cdr, now=now, by=by, reason=reason)
    return "released"


def _drop(cdr: Cdr, *, now: datetime, by: str, reason: str) -> str:
    deciding.drop(cdr, now=now, by=by, reason=reason)
    return "dropped"


def _recheck(cdr: Cdr, *, now: datetime, by: str, reason: str) -> str:
    (checked,) = checking.recheck([cdr.pk], now=now, by=by)
    return checked.judgement.sentence


DEEDS: Mapping[str, Deed] = {
    "accept": Deed(
        "Accept CDRs",
        "Accept",
        ("They are taken as they were billed, and leave what is to review. Our calculations of them stay.",),
        "cdrs.decide_cdr",
        lambda cdr: cdr.verdict in TO_REVIEW,
        _accept,
    ),
    "recheck": Deed(
        "Check CDRs again",
        "Check again",
        ("They are priced with what we know now; the new verdict replaces the old one, also one of staff.",),
        "cdrs.recheck_cdr",
        lambda cdr: not cdr.ours,
        _recheck,
        reasoned=False,
    ),
    "release": Deed(
        "Release CDRs",
        "Release",
        ("They are sent to their eMSPs as they are, and can never be changed after that.",),
        "cdrs.decide_cdr",
        lambda cdr: cdr.state == CdrState.HELD,
        _release,
    ),
    "drop": Deed(
        "Drop CDRs",
        "Drop",
        ("They are never sent, and their charges are not billed. This cannot be undone.",),
        "cdrs.decide_cdr",
        lambda cdr: cdr.state == CdrState.HELD,
        _drop,
        danger=True,
    ),
}


def offered(request: HttpRequest, tab: str) -> list[tuple[str, str]]:
    """Which buttons stand above this tab, for who may press them."""
    there = {"review": ("accept", "recheck"), "held": ("release", "drop"), "all": tuple(DEEDS)}.get(tab, ())
    return [(key, DEEDS[key].button) for key in there if request.user.has_perm(DEEDS[key].permission)]


class BulkPages:
    """Part of CdrAdmin."""

    def bulk_urls(self: Any) -> list[URLPattern]:
        return [self.page("several/", require_POST(self.several_view), "several")]

    def several_view(self: Any, request: HttpRequest) -> HttpResponse:
        what = request.POST.get("do", "")
        deed = DEEDS.get(what)
        if deed is None:
            raise BadRequest("No such button.")
        if not request.user.has_perm(deed.permission):
            raise PermissionDenied
        chosen = [pk for text in request.POST.getlist("pk") if (pk := number(text)) is not None][:MOST]
        found = list(self.get_queryset(request).filter(pk__in=chosen).select_related("party", "emsp").defer("document"))
        if not found:
            self.message_user(request, "Choose some CDRs first: each row has a box.")
            return redirect(_back(request))
        rows = [cdr for cdr in found if deed.fits(cdr)]
        reason = request.POST.get("reason", "").strip()[:300]
        sure = request.POST.get("sure") == "1"
        context = {
            "crumbs": [("CDRs", reverse("admin:cdrs_cdr_changelist"))],
            "what": what,
            "deed": deed,
            "rows": rows,
            "left": [cdr for cdr in found if cdr not in rows],
            "back": _back(request),
        }
        if not sure or not rows or (deed.reasoned and not reason):
            context |= {"title": deed.title, "missing": sure}
            return self.render(request, "console/cdrs/several.html", context, status=400 if sure and rows else 200)
        done, failed = [], []
        for cdr in rows:
            try:
                became = deed.do(cdr, now=site.now(), by=request.user.get_username(), reason=reason)
            except UnableToDecide as error:
                failed.append((cdr, str(error)))
            else:
                done.append((cdr, became))
        context |= {"title": f"{deed.title}: what became of them", "done": done, "failed": failed, "reason": reason}
        return self.render(request, "console/cdrs/several_done.html", context)


def _back(request: HttpRequest) -> str:
    """The list as it was: its filters, and nothing else that an address can hold."""
    asked = Asked.read(QueryDict(request.POST.get("from", "")[:2000].rpartition("?")[2]))
    return reverse("admin:cdrs_cdr_changelist") + asked.link()
