"""Financial advice, ours and told to us: the list, one advice with its charge, what staff decide, and what was not taken."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console import trail
from backoffice.console.cells import NOTHING, since, state, two, word
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from backoffice.payments.actions import advices, invoicing, tying
from backoffice.payments.admin.money.tie import DECIDE, TiePages
from backoffice.payments.admin.money.words import CAPTURES, money, price
from backoffice.payments.models import Advice, CardCharge, DriverInvoice, QuarantinedAdvice, Terminal
from backoffice.payments.rules.money import payable, units
from backoffice.payments.rules.receipt import lines
from backoffice.roaming_site import site
from ocpi.wire.payments import CaptureStatusCode


class StatusFilter(SelectFilter):
    title, parameter_name = "capture", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("risk", "Not all captured"), *((each.value, word(each.value)) for each in CaptureStatusCode)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "risk":
            return queryset.exclude(capture_status=CaptureStatusCode.SUCCESS.value)
        return queryset.filter(capture_status=value)


class FoundFilter(SelectFilter):
    title, parameter_name = "charge", "charge"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("orphan", "No CDR"),
            ("back", "CDR credited: to give back"),
            ("by_hand", "Matched by hand"),
            ("ours", "Ours (as PTP)"),
            ("theirs", "Told to us"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return {
            "orphan": queryset.filter(cdr=None),
            "back": queryset.filter(cdr__credited_by__isnull=False, captured__gt=0),
            "by_hand": queryset.filter(matched_at__isnull=False),
            "ours": queryset.filter(ours=True),
            "theirs": queryset.filter(ours=False),
        }[value]


class ProviderFilter(SelectFilter):
    title, parameter_name = "PTP", "ptp"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Party.objects.filter(pk__in=Terminal.objects.values("party"))
        return [(str(party.pk), party.label) for party in rows]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(party=int(value))


class WhenFilter(SinceFilter):
    title, parameter_name, column = "received", "since", "created_at"


@admin.register(Advice)
class AdviceAdmin(TiePages, ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides, below
    list_display = (
        "when",
        "reference_shown",
        "provider",
        "standing",
        "captured_shown",
        "bill",
        "difference",
        "invoice_shown",
    )
    list_display_links = ("when",)
    list_filter = (StatusFilter, FoundFilter, ProviderFilter, WhenFilter)
    list_select_related = ("party", "customer", "cdr", "terminal", "invoice__party")
    list_before_template = "console/payments/advice_tools.html"
    search_fields = ("authorization_reference",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole authorization reference, advice id, or CDR id"
    sortable_by = ()
    list_count_limit = 100_000
    empty = Empty(
        "What payment terminal providers (PTPs) captured from drivers' cards. The PTP reserves an amount, starts the charge with "
        "an authorization reference, gets our CDR, captures, and tells us here; its receipt lines then stand on our invoice.",
        "No advice was told yet, or nothing matches.",
        "Payment terminals",
        "admin:payments_terminal_changelist",
        "payments.view_terminal",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Advice]:
        found: QuerySet[Advice] = super().get_queryset(request)
        found = found.defer("document", "terminal__document", "cdr__document", "invoice__document")
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(party__in=parties) | Q(customer__in=parties))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-created_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        return [
            *self.tie_urls(),
            self.page("<int:pk>/match/", require_POST(self.match_view), "match", permission=DECIDE),
            self.page("<int:pk>/invoice/", require_POST(self.invoice_view), "invoice", permission=DECIDE),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Advice], search_term: str
    ) -> tuple[QuerySet[Advice], bool]:
        term = search_term.strip().upper()
        if not term:
            return queryset, False
        rows = queryset.alias(
            key=Upper("authorization_reference"), identity=Upper("object_id"), billed=Upper("cdr__object_id")
        )
        return rows.filter(Q(key=term) | Q(identity=term) | Q(billed=term)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: Advice = self.one(request, object_id)
        tree = row.tree()
        eft = lines(tree.get("eft_data") or ())
        invoice = DriverInvoice.objects.filter(Q(advice=row) | Q(cdr=row.cdr_id, cdr__isnull=False)).first()
        context = {
            "title": f"Advice {row.object_id}",
            "crumbs": [("Financial advice", reverse("admin:payments_advice_changelist"))],
            "row": row,
            "trail": trail.of(request, row, "advice"),
            "standing": state(row.capture_status, tone=CAPTURES.get(row.capture_status)),
            "bad": row.capture_status != CaptureStatusCode.SUCCESS.value,
            "captured": price(row.captured, row.currency),
            "billed": _billed(row),
            "credited": row.cdr is not None and row.cdr.credited_by_id is not None and row.captured > 0,
            "difference": _difference(row),
            "eft": eft,
            "tree": tree | {"eft_data": eft},
            "invoice": invoice,
            "may_match": not row.ours and row.cdr_id is None and request.user.has_perm(DECIDE),
            "may_invoice": invoice is not None and request.user.has_perm(DECIDE),
            "candidates": CardCharge.objects.filter(provider=row.party_id)
            .exclude(session__in=Advice.objects.filter(captured__gt=0, session__isnull=False).values("session"))
            .select_related("session", "cdr")
            .order_by("-created_at")[:8]
            if not row.ours and row.cdr_id is None
            else [],
            "quarantined": row.quarantined.all(),
        }
        return self.render(request, "console/payments/advice.html", context)

    def match_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: Advice = self.one(request, pk)
        try:
            charge = tying.match(
                row,
                request.POST.get("reference", "")[:36],
                reason=request.POST.get("reason", ""),
                by=request.user.get_username(),
                now=site.now(),
            )
        except tying.UnableToDecide as error:
            self.sorry(request, error)
        else:
            self.note(request, row, f"Matched with {charge.reference}")
            self.done(request, "It is matched with that charge.")
        return HttpResponseRedirect(reverse("admin:payments_advice_change", args=[row.pk]))

    def invoice_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: Advice = self.one(request, pk)
        invoice = DriverInvoice.objects.filter(Q(advice=row) | Q(cdr=row.cdr_id, cdr__isnull=False)).first()
        try:
            if invoice is None:
                raise invoicing.UnableToIssueAgain("There is no invoice of ours for it.")
            invoicing.again(invoice, by=request.user.get_username(), now=site.now())
        except invoicing.UnableToIssueAgain as error:
            self.sorry(request, error)
        else:
            self.note(request, row, "Invoice issued again")
            self.done(request, "The invoice shows what was captured.")
        return HttpResponseRedirect(reverse("admin:payments_advice_change", args=[row.pk]))

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Received, advice")
    def when(self, row: Advice) -> str:
        return two(since(row.created_at), row.object_id[:8])

    @admin.display(description="Reference, terminal")
    def reference_shown(self, row: Advice) -> str:
        terminal = (row.terminal.reference or row.terminal.object_id) if row.terminal is not None else ""
        return two(row.authorization_reference[:8], terminal)

    @admin.display(description="PTP, CPO")
    def provider(self, row: Advice) -> str:
        return two(row.party, row.customer)

    @admin.display(description="Capture")
    def standing(self, row: Advice) -> str:
        return two(state(row.capture_status, tone=CAPTURES.get(row.capture_status)), row.message[:60])

    @admin.display(description="Captured")
    def captured_shown(self, row: Advice) -> str:
        return price(row.captured, row.currency)

    @admin.display(description="CDR")
    def bill(self, row: Advice) -> str:
        return row.cdr.object_id[:12] if row.cdr is not None else state("NO_CDR", tone=("bad", "link_off"), text="none")

    @admin.display(description="Δ CDR")
    def difference(self, row: Advice) -> str:
        return _difference(row) or NOTHING

    @admin.display(description="Invoice")
    def invoice_shown(self, row: Advice) -> str:
        invoice = getattr(row, "invoice", None)
        return invoice.label if invoice is not None else NOTHING


def _owed(row: Advice) -> int | None:
    if row.cdr is None:
        return None
    if row.cdr.credited_by_id is not None:
        return 0
    return payable(row.cdr.total_excl, row.cdr.total_incl, row.cdr.currency)


def _billed(row: Advice) -> str:
    owed = _owed(row)
    return NOTHING if owed is None else money(owed, row.currency)


def _difference(row: Advice) -> str:
    """Captured minus billed; empty where it is nothing."""
    owed = _owed(row)
    rest = None if owed is None else units(row.captured, row.currency) - owed
    return money(rest, row.currency) if rest else ""


class OpenFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("closed", "Closed")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(closed_at__isnull=value == "open")


@admin.register(QuarantinedAdvice)
class QuarantinedAdviceAdmin(ReadOnlyAdmin):
    list_display = ("when", "reference_shown", "provider", "why_shown", "captured_shown", "standing")
    list_display_links = ("when",)
    list_filter = (OpenFilter,)
    list_select_related = ("party",)
    sortable_by = ()
    empty = Empty(
        "Advice that we were told and did not take: the same id with other content, a second capture for one charge, or a charge "
        "of another provider. It is somebody's money: look, speak with the provider, and close it with a reason.",
        "Nothing is in quarantine.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedAdvice]:
        found: QuerySet[QuarantinedAdvice] = super().get_queryset(request)
        return found

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-at", "-id")

    def get_urls(self) -> list[URLPattern]:
        deed = self.page("<int:pk>/close/", require_POST(self.close_view), "close", permission=DECIDE)
        return [deed, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: QuarantinedAdvice = self.one(request, object_id)
        tree = DocumentField.read(row.document)
        context = {
            "title": f"Advice in quarantine {row.object_id}",
            "crumbs": [("Quarantined advice", reverse("admin:payments_quarantinedadvice_changelist"))],
            "row": row,
            "captured": price(row.captured, row.currency),
            "tree": tree | {"eft_data": lines(tree.get("eft_data") or ())},
            "may_close": row.closed_at is None and request.user.has_perm(DECIDE),
        }
        return self.render(request, "console/payments/quarantined.html", context)

    def close_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: QuarantinedAdvice = self.one(request, pk)
        try:
            advices.close(row, reason=request.POST.get("reason", ""), by=request.user.get_username(), now=site.now())
        except advices.UnableToClose as error:
            self.sorry(request, error)
        else:
            self.note(request, row, "Closed")
            self.done(request, "It is closed.")
        return HttpResponseRedirect(reverse("admin:payments_quarantinedadvice_change", args=[row.pk]))

    @admin.display(description="Told, advice")
    def when(self, row: QuarantinedAdvice) -> str:
        return two(since(row.at), row.object_id[:12])

    @admin.display(description="Reference")
    def reference_shown(self, row: QuarantinedAdvice) -> str:
        return row.authorization_reference[:12]

    @admin.display(description="PTP")
    def provider(self, row: QuarantinedAdvice) -> str:
        return str(row.party)

    @admin.display(description="Why")
    def why_shown(self, row: QuarantinedAdvice) -> str:
        return two(row.get_why_display(), f"told {row.times} times" if row.times > 1 else "")

    @admin.display(description="Captured")
    def captured_shown(self, row: QuarantinedAdvice) -> str:
        return price(row.captured, row.currency)

    @admin.display(description="State")
    def standing(self, row: QuarantinedAdvice) -> str:
        return state("CLOSED" if row.closed_at else "OPEN_ALARM", text="Closed" if row.closed_at else "Open")
