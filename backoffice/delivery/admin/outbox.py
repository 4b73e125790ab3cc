"""The outbox: what partners must still hear, why they have not, and what staff can do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone

from backoffice.console.cells import NOTHING, since, state
from backoffice.console.given import number
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.scope import parties_of
from backoffice.delivery.actions import steering
from backoffice.delivery.actions.recording import logged_path
from backoffice.delivery.admin.outbox_filters import (
    OPEN,
    AgeFilter,
    CauseFilter,
    ModuleFilter,
    PartnerFilter,
    Recovery,
    StateFilter,
)
from backoffice.delivery.models import Exchange, Message
from backoffice.delivery.rules import LADDER, MessageState, verb
from backoffice.partners import peers
from backoffice.partners.health import in_words
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from ocpi.module import Exchanged, PartyRef

_MAILBOXES = 20
"""The page shows so many, those that wait longest; the filter leads to the others."""


@admin.register(Message)
class MessageAdmin(ConsoleAdmin):
    party_lookup = "sender"
    list_display = ("what", "partner", "operation", "standing", "attempts", "next_try", "trouble", "age", "coalesced")
    list_filter = (StateFilter, PartnerFilter, ModuleFilter, AgeFilter, CauseFilter)
    list_select_related = ("connection", "sender")
    search_fields = ("object_path",)
    search_help_text = "Id of an object, or how it begins"
    sortable_by = ()
    actions = ("retry", "ask_drop")
    list_before_template = "console/delivery/mailboxes.html"
    empty = Empty("What partners must still hear of our objects.", "Nothing is owed to anybody.")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By the index that the filter can use: an unfiltered million must not be sorted."""
        return ("-id",) if request.GET.get("state") == "all" else ("-created_at", "-id")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """The beginning of an object's path, as the index on module and path can find it."""
        term = search_term.strip().strip("/")
        if not term:
            return queryset, False
        modules = [module.identifier for module in site.modules()]
        return queryset.filter(module__in=modules, object_path__startswith=term), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Messages come from changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        own = [
            self.page("recover/", self.recover, "recover", permission="change"),
            self.page("drop/", self.drop, "drop", permission="change"),
            self.page("<int:pk>/retry/", self.retry_one, "retry", permission="change"),
        ]
        return [*own, *super().get_urls()]

    # --- the list -----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context: dict[str, Any] = {"title": "Outbox", "mailboxes": [], "now": site.now()}
        if request.method == "GET":
            context["mailboxes"] = self._mailboxes(request)
            if not context["mailboxes"]:
                hour_ago = site.now() - timedelta(hours=1)
                context["delivered"] = self.get_queryset(request).filter(delivered_at__gt=hour_ago).count()
        context["may_pause"] = request.user.has_perm("partners.change_connection")
        context["may_change"] = self.has_change_permission(request)
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def _mailboxes(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Each partner to whom something is owed, the longest waiting first."""
        rows = (
            self.get_queryset(request)
            .filter(state__in=OPEN)
            .order_by()
            .values("connection_id")
            .annotate(
                due=Count("pk", filter=Q(state=MessageState.DUE)),
                refused=Count("pk", filter=Q(state=MessageState.REFUSED)),
                oldest=Min("owed_since", filter=Q(state=MessageState.DUE)),
            )
        )
        found = {row["connection_id"]: row for row in rows}
        held = Connection.objects.filter(Q(pk__in=found) | Q(state__in=("PAUSED", "SUSPENDED")))
        parties = parties_of(request.user)
        if parties is not None:
            held = held.filter(our_parties__in=parties).distinct()
        boxes = [
            {"due": 0, "refused": 0, "oldest": None} | found.get(connection.pk, {}) | {"connection": connection}
            for connection in held.order_by("name")
        ]
        return sorted(boxes, key=lambda box: box["oldest"] or site.now())[:_MAILBOXES]

    @admin.display(description="Object")
    def what(self, row: Message) -> str:
        return f"{row.module} {row.sender}/{row.object_path}"

    @admin.display(description="Partner")
    def partner(self, row: Message) -> str:
        return str(row.connection)

    @admin.display(description="As")
    def operation(self, row: Message) -> str:
        return verb(row.touched)

    @admin.display(description="State")
    def standing(self, row: Message) -> str:
        return state(row.state)

    @admin.display(description="Next try")
    def next_try(self, row: Message) -> str:
        if row.state != MessageState.DUE:
            return NOTHING
        held = row.connection.next_attempt_at
        if row.connection.state != "ACTIVE":
            return f"partner {row.connection.state.lower()}"
        return since(max(row.due_at, held) if held else row.due_at)

    @admin.display(description="Last error")
    def trouble(self, row: Message) -> str:
        return row.last_error[:120] or NOTHING

    @admin.display(description="Owed since")
    def age(self, row: Message) -> str:
        return since(row.delivered_at if row.state == MessageState.DONE else row.owed_since)

    # --- one message --------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.one(request, object_id)
        if request.method == "POST":
            raise PermissionDenied  # a message has no form; its buttons have pages of their own
        path = logged_path(row.module, f"{row.sender.country_code}/{row.sender.party_id}/{row.object_path}")
        exchanges = Exchange.objects.none()
        if request.user.has_perm("delivery.view_exchange"):
            exchanges = Exchange.objects.filter(
                connection=row.connection, module=row.module, object_path=path, incoming=False
            )
        return self.render(
            request,
            "console/delivery/message.html",
            {
                "title": f"{row.module} {row.sender}/{row.object_path}",
                "crumbs": [("Outbox", reverse("admin:delivery_message_changelist"))],
                "row": row,
                "operation": verb(row.touched),
                "document": self._document(row),
                "exchanges": list(
                    exchanges.order_by("-at").select_related("connection").defer("request_body", "response_body")[:20]
                ),
                "ladder": ["at once", *(in_words(timedelta(seconds=pause)) for pause in LADDER)],
                "open": row.state in OPEN,
                "may_change": self.has_change_permission(request, row),
            },
        )

    @staticmethod
    def _document(row: Message) -> Any:
        """What would be sent now: messages hold no copy, the newest state travels. None: nothing to tell any more."""
        peer = peers.of_connection(row.connection_id)
        try:
            shape = site.module(row.module).shape
        except KeyError:
            return None
        if peer is None or not isinstance(shape, Exchanged):
            return None
        owner = PartyRef(row.sender_id, row.sender.country_code, row.sender.party_id, frozenset())
        return shape.read_own(peer, owner, tuple(row.object_path.split("/")))

    def retry_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.one(request, pk)
        if request.method == "POST":
            self._retry(request, self.get_queryset(request).filter(pk=pk), [row])
        return redirect("admin:delivery_message_change", pk)

    # --- several ------------------------------------------------------------------------------------------------------

    @admin.action(description="Retry now", permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._retry(request, queryset, list(queryset[:100]))

    def _retry(self, request: HttpRequest, queryset: QuerySet[Message], rows: list[Message]) -> None:
        many = steering.retry_now(self._plain(queryset), now=site.now())
        for row in rows:
            if row.state in OPEN:
                self.note(request, row, "Sent again at once")
        left = len(rows) - many
        said = f"{many} message(s) will be sent at once."
        self.done(request, said + (f" {left} had nothing left to send and stay as they are." if left > 0 else ""))

    @staticmethod
    def _plain(queryset: QuerySet[Message]) -> QuerySet[Message]:
        """By ids alone: an update takes no joins and no order."""
        return Message.objects.filter(pk__in=queryset.order_by().values("pk"))

    @admin.action(description="Drop…", permissions=["change"])
    def ask_drop(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse:
        rows = queryset.filter(state__in=OPEN)
        return self._ask_drop(request, list(rows.values_list("pk", flat=True)))

    def _ask_drop(self, request: HttpRequest, ids: list[int], *, missing: bool = False) -> HttpResponse:
        rows = self.get_queryset(request).filter(pk__in=ids, state__in=OPEN)
        context = {
            "title": "Drop messages",
            "crumbs": [("Outbox", reverse("admin:delivery_message_changelist"))],
            "ids": ids,
            "rows": rows[:20],
            "more": max(0, len(ids) - 20),
            "reason_missing": missing,
        }
        return self.render(request, "console/delivery/drop.html", context, status=400 if missing else 200)

    def drop(self, request: HttpRequest, **segments: Any) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        ids = [pk for text in given.getlist("pk") if (pk := number(text)) is not None]
        if not ids:
            return redirect("admin:delivery_message_changelist")
        reason = request.POST.get("reason", "").strip()[:200]
        if request.method != "POST" or not reason:
            return self._ask_drop(request, ids, missing=request.method == "POST")
        rows = list(self.get_queryset(request).filter(pk__in=ids, state__in=OPEN))
        many = steering.drop(Message.objects.filter(pk__in=[row.pk for row in rows]), reason=reason)
        for row in rows[:100]:
            self.note(request, row, f"Dropped: {reason}")
        self.done(request, f"{many} message(s) dropped. A later change of the object is sent as usual.")
        return redirect("admin:delivery_message_changelist")

    def recover(self, request: HttpRequest) -> HttpResponse:
        """Everything that failed since a time, for one partner or all."""
        connections = Connection.objects.filter(messages__state=MessageState.REFUSED).distinct().order_by("name")
        parties = parties_of(request.user)
        if parties is not None:
            connections = connections.filter(our_parties__in=parties)
        form = Recovery(request.POST if request.method == "POST" else None, connections=connections)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            rows = self._failed(request, given["connection"], given["since"])
            many = steering.retry_now(self._plain(rows), now=site.now())
            whom = given["connection"] or "all partners"
            for connection in [given["connection"]] if given["connection"] else list(connections):
                self.note(
                    request,
                    connection,
                    f"Recovered failed messages since {given['since']:%Y-%m-%d %H:%M} UTC: {given['reason']}",
                )
            self.done(request, f"{many} refused message(s) to {whom} will be sent at once.")
            return redirect("admin:delivery_message_changelist")
        counts = self._failed(request, None, timezone.now() - timedelta(days=365)).order_by().values("connection__name")
        context = {
            "title": "Recover failed messages",
            "crumbs": [("Outbox", reverse("admin:delivery_message_changelist"))],
            "form": form,
            "counts": counts.annotate(many=Count("pk"), oldest=Min("due_at")).order_by("connection__name"),
        }
        return self.render(
            request, "console/delivery/recover.html", context, status=400 if request.method == "POST" else 200
        )

    def _failed(self, request: HttpRequest, connection: Connection | None, moment: datetime) -> QuerySet[Message]:
        """`due_at` of a refused message is when it was last tried."""
        rows = self.get_queryset(request).filter(state=MessageState.REFUSED, due_at__gte=moment)
        return rows.filter(connection=connection) if connection else rows
