"""The daily tie: what was captured, billed and invoiced, per day and terminal; what does not tie is listed as work."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from backoffice.console.cells import state
from backoffice.console.scope import parties_of
from backoffice.partners.models import PartyRole
from backoffice.payments.actions import selling, tying
from backoffice.payments.actions.tying import Side
from backoffice.payments.admin.money.words import FINDINGS, money
from backoffice.payments.rules.tie import SENTENCES, Book, Line
from backoffice.roaming_site import site

DECIDE = "payments.decide_advice"

DAYS = {"1": "Today and yesterday", "7": "The last 7 days", "31": "The last 31 days"}

LISTED = 200
"""Lines on the page; the export holds all."""


class TiePages:
    """Mixed into the admin of advices, whose permissions it shares."""

    page: Any
    render: Any
    sorry: Any
    done: Any

    def tie_urls(self) -> list[URLPattern]:
        return [
            self.page("tie/", self.tie_view, "tie"),
            self.page("tie/export/", self.tie_export, "tie_export"),
            self.page("tie/write-off/", require_POST(self.write_off_view), "write_off", permission=DECIDE),
            self.page("tie/give-back/", require_POST(self.give_back_view), "give_back", permission=DECIDE),
        ]

    def tie_view(self, request: HttpRequest) -> HttpResponse:
        side, days = _asked(request)
        tied = self._tied(request, side, days)
        open_lines = [line for line in tied.lines if not line.settled]
        context = {
            "title": "Card tie: captures, CDRs and invoices",
            "crumbs": [("Financial advice", reverse("admin:payments_advice_changelist"))],
            "side": side.value,
            "sides": _sides(),
            "days": days,
            "spans": list(DAYS.items()),
            "sums": [_sum(each) for each in tied.sums],
            "open": [_line(each) for each in open_lines[:LISTED]],
            "more": max(len(open_lines) - LISTED, 0),
            "count": len(tied.lines),
            "tied": len(tied.lines) - len(open_lines),
            "under_way": tied.under_way,
            "risk": [
                money(sum(each.at_risk for each in tied.lines if each.currency == currency), currency)
                for currency in sorted({each.currency for each in tied.lines if each.at_risk})
            ],
            "back": [
                money(sum(each.to_give_back for each in tied.lines if each.currency == currency), currency)
                for currency in sorted({each.currency for each in tied.lines if each.to_give_back})
            ],
            "no_seller": selling.missing(parties_of(request.user)),
            "may_decide": request.user.has_perm(DECIDE),
        }
        return self.render(request, "console/payments/tie.html", context)

    def tie_export(self, request: HttpRequest) -> HttpResponse:
        """Every line, for whoever reconciles the provider's payouts."""
        side, days = _asked(request)
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="card-tie-{side.value.lower()}.csv"'
        rows = csv.writer(answer)
        rows.writerow(
            [
                "day",
                "zone",
                "terminal",
                "reference",
                "currency",
                "captured",
                "billed",
                "invoiced",
                "finding",
                "at_risk",
                "to_give_back",
                "reason",
            ]
        )
        for line in self._tied(request, side, days).lines:
            amounts = [_bare(each, line.currency) for each in (line.captured, line.billed, line.invoiced)]
            row = [line.day.isoformat(), line.zone, line.terminal, line.reference, line.currency, *amounts]
            row += [line.finding.value, _bare(line.at_risk, line.currency), _bare(line.to_give_back, line.currency)]
            row.append(line.reason)
            rows.writerow([_harmless(each) for each in row])
        return answer

    def write_off_view(self, request: HttpRequest) -> HttpResponse:
        return self._decided(request, tying.write_off, "Written off")

    def give_back_view(self, request: HttpRequest) -> HttpResponse:
        return self._decided(request, tying.give_back, "Given back")

    def _decided(self, request: HttpRequest, decide: Callable[..., str], word: str) -> HttpResponse:
        side, days = _asked(request, request.POST)
        reference = request.POST.get("reference", "")[:36]
        reason, by = request.POST.get("reason", ""), request.user.get_username()
        try:
            amount = decide(side, reference, reason=reason, by=by, now=site.now(), parties=parties_of(request.user))
        except tying.UnableToDecide as error:
            self.sorry(request, error)
        else:
            self.done(request, f"{word}: {amount} of {reference[:8]}.")
        return HttpResponseRedirect(f"{reverse('admin:payments_advice_tie')}?side={side.value}&days={days}")

    def _tied(self, request: HttpRequest, side: Side, days: str) -> tying.Tied:
        return tying.last_days(side, days=int(days), now=site.now(), parties=parties_of(request.user))


def _asked(request: HttpRequest, told: Any = None) -> tuple[Side, str]:
    given = request.GET if told is None else told
    sides = [value for value, _ in _sides()]
    side = given.get("side", "")
    days = given.get("days", "")
    return Side(side if side in sides else sides[0]), days if days in DAYS else "7"


def _sides() -> list[tuple[str, str]]:
    """What our companies are; as CPO where nobody is a provider."""
    ptp = PartyRole.objects.filter(party__ours=True, connection=None, role="PTP").exists()
    return [(Side.CPO.value, "At our charge points"), *([(Side.PTP.value, "At our terminals")] if ptp else [])]


def _sum(each: Any) -> dict[str, Any]:
    currency = each.currency
    return {
        "day": each.day,
        "zone": each.zone,
        "terminal": each.terminal,
        "count": each.count,
        "captured": money(each.captured, currency),
        "billed": money(each.billed, currency),
        "invoiced": money(each.invoiced, currency),
        "written_off": money(each.written_off, currency) if each.written_off else "",
        "at_risk": money(each.at_risk, currency) if each.at_risk else "",
        "state": state(
            "TIED" if each.tied else "OPEN",
            tone=("good", "check_circle") if each.tied else ("bad", "error"),
            text="ties" if each.tied else f"{each.open} open",
        ),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "line": line,
        "state": state(line.finding.value, tone=FINDINGS[line.finding], text=SENTENCES[line.finding]),
        "captured": money(line.captured, line.currency),
        "billed": money(line.billed, line.currency),
        "invoiced": money(line.invoiced, line.currency),
        "at_risk": money(line.at_risk, line.currency) if line.at_risk else "",
        "back": money(line.to_give_back, line.currency) if line.to_give_back else "",
        "names": [f"{each.book.value}: {each.name}" for each in line.entries if each.name],
        "look": _look(line),
    }


def _look(line: Line) -> str:
    """Where its charge is found: the line of links on the page of its CDR leads on to all that belongs to it."""
    bill = next((each.name for each in line.entries if each.book is Book.CDRS and each.name), "")
    page, term = ("cdrs_cdr_search", bill) if bill else ("payments_advice_changelist", line.reference)
    return f"{reverse(f'admin:{page}')}?{urlencode({'q': term})}"


def _bare(minor: int | None, currency: str) -> str:
    return "" if minor is None else money(minor, currency).split(" ")[0]


def _harmless(cell: str) -> str:
    """No spreadsheet takes it for a formula."""
    return (
        f"'{cell}" if cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not cell[1:2].isdigit()) else cell
    )
