"""Cards at terminals of ours: the list, and one payment with every question that the payment provider was asked."""

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
from backoffice.console.cells import NOTHING, since, two, word
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.payments.actions import crediting, watching
from backoffice.payments.admin.money.words import MEANING, money, standing
from backoffice.payments.models import CardPayment, Terminal
from backoffice.payments.rules.transaction import AT_RISK, DUE, OVER, TO_GIVE_BACK, WAITING, State
from backoffice.roaming_site import site
from backoffice.sessions.rules.states import ONGOING

STEER, DECIDE = "payments.steer_card_payment", "payments.decide_advice"

REFRESH = 5
"""Seconds, while something is awaited."""


class StateFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = [
            ("risk", "Money at risk"),
            ("back", "Money to give back"),
            ("kept", "Release refused"),
            ("open", "Not over"),
        ]
        return [*groups, *((each.value, word(each.value)) for each in State)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "risk":
            return queryset.filter(state__in=[each.value for each in AT_RISK])
        if value == "back":
            return queryset.filter(state__in=[each.value for each in TO_GIVE_BACK])
        if value == "kept":
            return queryset.filter(state=State.RELEASING.value, due_at=None)
        if value == "open":
            return queryset.exclude(state__in=[each.value for each in OVER])
        return queryset.filter(state=value)


class TerminalFilter(SelectFilter):
    title, parameter_name = "terminal", "terminal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Terminal.objects.filter(ours=True)
        parties = parties_of(request.user)
        if parties is not None:
            rows = rows.filter(party__in=parties)
        found = rows.order_by("reference", "object_id").values_list("pk", "reference", "object_id")[:200]
        return [(str(pk), reference or object_id) for pk, reference, object_id in found]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(terminal=int(value))


class WhenFilter(SinceFilter):
    title, parameter_name, column = "shown", "since", "created_at"


@admin.register(CardPayment)
class CardPaymentAdmin(ReadOnlyAdmin):
    list_display = ("when", "where", "standing", "reserved_shown", "owed_shown", "captured_shown", "bill", "why")
    list_display_links = ("when",)
    list_filter = (StateFilter, TerminalFilter, WhenFilter)
    list_select_related = ("terminal", "customer", "cdr")
    search_fields = ("reference",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole authorization reference, EVSE uid, or CDR id"
    sortable_by = ()
    list_count_limit = 100_000
    empty = Empty(
        "Every card that was shown at a terminal of ours: what was reserved, what was charged, what was captured.",
        "No card was shown yet, or nothing matches. A card can be taken when the terminal's CPO has said which locations it "
        "serves and their tariffs say how much to reserve.",
        "Payment terminals",
        "admin:payments_terminal_changelist",
        "payments.view_terminal",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CardPayment]:
        found: QuerySet[CardPayment] = super().get_queryset(request)
        return found.defer("terminal__document", "cdr__document")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-created_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("<int:pk>/ask/", require_POST(self.ask_view), "ask", permission=STEER),
            self.page("<int:pk>/end/", require_POST(self.end_view), "end", permission=STEER),
            self.page("<int:pk>/refund/", require_POST(self.refund_view), "refund", permission=STEER),
            self.page("<int:pk>/otherwise/", require_POST(self.otherwise_view), "otherwise", permission=DECIDE),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CardPayment], search_term: str
    ) -> tuple[QuerySet[CardPayment], bool]:
        term = search_term.strip().upper()
        if not term:
            return queryset, False
        rows = queryset.alias(key=Upper("reference"), at=Upper("evse_uid"), bill=Upper("cdr__object_id"))
        return rows.filter(Q(key=term) | Q(at=term) | Q(bill=term)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: CardPayment = self.one(request, object_id)
        state = State(row.state)
        running = row.session is not None and row.session.status in {each.value for each in ONGOING}
        steers = request.user.has_perm(STEER)
        missing = (row.owed or 0) - (row.captured or 0) if state in AT_RISK else 0
        context = {
            "title": f"Card payment {row.reference[:8]}",
            "crumbs": [("Card payments", reverse("admin:payments_cardpayment_changelist"))],
            "row": row,
            "trail": trail.of(request, row, "payment"),
            "standing": standing(row.state),
            "meaning": MEANING[row.state],
            "bad": state in AT_RISK or state is State.OWING or (state is State.RELEASING and row.due_at is None),
            "reserve": money(row.reserve, row.currency),
            "reserved": money(row.reserved, row.currency),
            "owed": money(row.owed, row.currency),
            "captured": money(row.captured, row.currency),
            "missing": money(missing, row.currency) if missing else "",
            "refunded": money(row.refunded, row.currency) if row.refunded else "",
            "returned": money(row.returned, row.currency) if row.returned else "",
            "to_give_back": money(row.has - (row.owed or 0), row.currency) if state in TO_GIVE_BACK else "",
            "kept": state is State.RELEASING and row.due_at is None,
            "moves": [
                (each, money(each.units, row.currency), money(each.answered, row.currency)) for each in row.moves.all()
            ],
            "events": row.events.all(),
            "invoices": row.invoices.select_related("party").order_by("turn"),
            "may_ask": steers and (state in DUE or state in WAITING),
            "may_end": steers and running,
            "may_refund": steers and state is State.OWING,
            "may_give": request.user.has_perm(DECIDE) and state is State.OWING,
            "refresh": REFRESH if state not in OVER else 0,
        }
        return self.render(request, "console/payments/payment.html", context)

    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: CardPayment = self.one(request, pk)
        watching.ask_again(row, by=request.user.get_username(), now=site.now())
        self.note(request, row, "Asked again")
        self.done(request, "It is looked at again now.")
        return HttpResponseRedirect(reverse("admin:payments_cardpayment_change", args=[row.pk]))

    def end_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: CardPayment = self.one(request, pk)
        reason = " ".join(request.POST.get("reason", "").split())[:200]
        if not reason:
            self.sorry(request, ValueError("Say why: it goes into the timeline."))
        elif watching.end_charge(row, by=request.user.get_username(), reason=reason, now=site.now()):
            self.note(request, row, f"Charge stopped: {reason}")
            self.done(request, f"{row.customer} is asked to stop the charge.")
        else:
            self.sorry(request, ValueError("There is nothing to stop, or the CPO was asked already."))
        return HttpResponseRedirect(reverse("admin:payments_cardpayment_change", args=[row.pk]))

    def refund_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: CardPayment = self.one(request, pk)
        try:
            crediting.refund_again(row, by=request.user.get_username(), now=site.now())
        except crediting.UnableToGiveBack as error:
            self.sorry(request, error)
        else:
            self.note(request, row, "Refund asked again")
            self.done(request, "The payment provider is asked again.")
        return HttpResponseRedirect(reverse("admin:payments_cardpayment_change", args=[row.pk]))

    def otherwise_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: CardPayment = self.one(request, pk)
        reason, by = request.POST.get("reason", ""), request.user.get_username()
        try:
            minor = crediting.give_otherwise(row, reason=reason, by=by, now=site.now())
        except crediting.UnableToGiveBack as error:
            self.sorry(request, error)
        else:
            self.note(request, row, f"Given back otherwise: {reason}"[:200])
            self.done(request, f"{money(minor, row.currency)} count as given back.")
        return HttpResponseRedirect(reverse("admin:payments_cardpayment_change", args=[row.pk]))

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Shown, reference")
    def when(self, row: CardPayment) -> str:
        return two(since(row.created_at), row.reference[:8])

    @admin.display(description="Terminal, EVSE")
    def where(self, row: CardPayment) -> str:
        return two(row.terminal.reference or row.terminal.object_id, f"{row.customer} {row.evse_uid}")

    @admin.display(description="State")
    def standing(self, row: CardPayment) -> str:
        return standing(row.state)

    @admin.display(description="Reserved")
    def reserved_shown(self, row: CardPayment) -> str:
        return money(row.reserved, row.currency)

    @admin.display(description="Owed")
    def owed_shown(self, row: CardPayment) -> str:
        return money(row.owed, row.currency)

    @admin.display(description="Captured")
    def captured_shown(self, row: CardPayment) -> str:
        return money(row.captured, row.currency)

    @admin.display(description="CDR")
    def bill(self, row: CardPayment) -> str:
        return row.cdr.object_id[:12] if row.cdr is not None else NOTHING

    @admin.display(description="Why")
    def why(self, row: CardPayment) -> str:
        return row.problem[:80] or NOTHING
