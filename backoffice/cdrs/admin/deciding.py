"""The buttons of CDRs: each asks for what it must know, calls one action, and says what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse

from backoffice.cdrs.actions import checking, deciding
from backoffice.cdrs.actions.deciding import UnableToDecide
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.correcting import Correction
from backoffice.roaming_site import site

ASKED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # what: title, button, what will happen
    "release": (
        "Release this CDR",
        "Release",
        ("It is sent to its eMSP as it is, and can never be changed after that.", "The findings stay in its history."),
    ),
    "accept": (
        "Accept this CDR",
        "Accept",
        ("It is taken as it was billed, and leaves what is to review. Our calculations of it stay.",),
    ),
    "drop": (
        "Drop this CDR",
        "Drop",
        ("It is never sent, and the charge is not billed. This cannot be undone.",),
    ),
    "credit": (
        "Take this CDR back",
        "Send the Credit CDR",
        (
            "A Credit CDR with the negative total goes to its eMSP. This cannot be undone.",
            "Nothing is billed for this charge any more, unless you correct the CDR instead.",
        ),
    ),
}


class DecidingPages:
    """Part of CdrAdmin."""

    def deciding_urls(self: Any) -> list[URLPattern]:
        may = "cdrs.decide_cdr"
        return [
            *(
                self.page(f"<int:pk>/{what}/", getattr(self, f"{what}_view"), what, permission=may)
                for what in ("release", "accept", "drop", "credit", "correct")
            ),
            self.page("<int:pk>/recheck/", self.recheck_view, "recheck", permission="cdrs.recheck_cdr"),
            self.page("quarantine/<int:pk>/close/", self.close_view, "close", permission=may),
        ]

    def release_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "release", deciding.release, "{} was released.")

    def accept_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "accept", deciding.accept, "{} was accepted as it was billed.")

    def drop_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "drop", deciding.drop, "{} was dropped: it will not be sent.")

    def credit_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "credit", deciding.credit, "Credit CDR {} is on its way.")

    def _decide(self: Any, request: HttpRequest, pk: int, what: str, action: Any, sentence: str) -> HttpResponse:
        cdr: Cdr = self.one(request, pk)
        title, button, consequences = ASKED[what]
        reason = request.POST.get("reason", "").strip()
        missing = request.method == "POST" and not reason
        if request.method == "POST" and reason:
            try:
                made = action(cdr, now=site.now(), by=request.user.get_username(), reason=reason[:300])
                self.done(request, sentence.format(made))
                return redirect("admin:cdrs_cdr_change", made.pk)
            except UnableToDecide as error:
                self.sorry(request, error)
                return redirect("admin:cdrs_cdr_change", cdr.pk)
        context = {
            "title": title,
            "crumbs": _crumbs(cdr),
            "cdr": cdr,
            "button": button,
            "consequences": consequences,
            "missing": missing,
            "danger": what in ("drop", "credit"),
        }
        return self.render(request, "console/cdrs/ask.html", context)

    def correct_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Values first, then what they would make, then the deed."""
        cdr: Cdr = self.one(request, pk)
        given = request.POST if request.method == "POST" else request.GET
        wrong, preview = "", None
        correction = Correction()
        if given:
            try:
                correction = _correction(given, cdr)
                reason = given.get("reason", "").strip()
                if request.method == "POST" and reason:
                    _, made = deciding.correct(
                        cdr, correction, now=site.now(), by=request.user.get_username(), reason=reason[:300]
                    )
                    self.done(request, f"CDR {made} replaces {cdr}.")
                    return redirect("admin:cdrs_cdr_change", made.pk)
                preview = deciding.preview(cdr, correction, now=site.now())
                if request.method == "POST":
                    wrong = "A reason is needed. Nothing was changed."
            except UnableToDecide as error:
                wrong = str(error)
        context = {
            "title": "Correct this CDR",
            "crumbs": _crumbs(cdr),
            "cdr": cdr,
            "given": given,
            "preview": preview,
            "correction": correction,
            "wrong": wrong,
            "ends_at": f"{cdr.ends_at:%Y-%m-%dT%H:%M:%S}",
        }
        return self.render(request, "console/cdrs/correct.html", context)

    def recheck_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        cdr: Cdr = self.one(request, pk)
        (checked,) = checking.recheck([cdr.pk], now=site.now(), by=request.user.get_username()) or (None,)
        if checked is not None:
            self.done(request, checked.judgement.sentence)
        return redirect("admin:cdrs_cdr_change", cdr.pk)

    def close_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        kept = get_object_or_404(self.quarantine(request), pk=pk)
        reason = request.POST.get("reason", "").strip()
        if request.method == "POST" and reason:
            try:
                deciding.close(kept, now=site.now(), by=request.user.get_username(), reason=reason)
                self.done(request, f"CDR {kept} in quarantine is closed.")
            except UnableToDecide as error:
                self.sorry(request, error)
            return redirect(f"{reverse('admin:cdrs_cdr_changelist')}?tab=quarantine")
        context = {
            "title": f"CDR {kept} in quarantine",
            "crumbs": [("CDRs", f"{reverse('admin:cdrs_cdr_changelist')}?tab=quarantine")],
            "kept": kept,
            "missing": request.method == "POST",
        }
        return self.render(request, "console/cdrs/quarantined.html", context)


def _crumbs(cdr: Cdr) -> list[tuple[str, str]]:
    return [
        ("CDRs", reverse("admin:cdrs_cdr_changelist")),
        (str(cdr), reverse("admin:cdrs_cdr_change", args=[cdr.pk])),
    ]


def _correction(given: Any, cdr: Cdr) -> Correction:
    """What differs from the CDR as it is. Raises UnableToDecide."""
    kwh, ends_at = given.get("kwh", "").strip(), given.get("ends_at", "").strip()
    remark = given.get("remark", "").strip()
    try:
        energy = Decimal(kwh.replace(",", ".")) if kwh else None
        if energy is not None and not energy.is_finite():
            raise InvalidOperation
    except InvalidOperation as error:
        raise UnableToDecide("The energy must be a number of kWh.") from error
    try:
        end = datetime.fromisoformat(ends_at) if ends_at else None
    except ValueError as error:
        raise UnableToDecide("The end must be a date and a time in UTC.") from error
    if end is not None:
        end = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
    return Correction(
        kwh=None if energy == cdr.kwh else energy,
        ends_at=None if end == cdr.ends_at.replace(microsecond=0) else end,
        remark=remark or None,
    )
