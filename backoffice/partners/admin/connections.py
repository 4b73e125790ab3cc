"""The list of connections with their health, the page of one, and its buttons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from backoffice.console.cells import NOTHING, since
from backoffice.console.given import number
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.templatetags.roaming import health_state
from backoffice.delivery.actions.pulling import UnableToPull
from backoffice.delivery.vitals import measure
from backoffice.partners.actions import flows
from backoffice.partners.actions.connections import UnableToConnect, pause
from backoffice.partners.admin import page, wizard
from backoffice.partners.admin.buttons import BUTTONS, Button, Press, shown
from backoffice.partners.admin.filters import AttentionFilter, CountryFilter, ModuleFilter, RoleFilter, StateFilter
from backoffice.partners.admin.quirks import QuirksForm
from backoffice.partners.admin.theirs import of_connection
from backoffice.partners.health import health, in_words
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState, NotAllowed
from backoffice.roaming_site import site


class Listing(ChangeList):
    """Measures the connections of the page at once, when it is known which they are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        found = measure([row.pk for row in rows], modules=page.fetched_modules(), now=site.now()) if rows else {}
        for row in rows:
            row.vitals = found[row.pk]
            row.health = health(row.vitals)
        self.result_list = rows


@admin.register(Connection)
class ConnectionAdmin(ConsoleAdmin):
    party_lookup = "our_parties"
    list_display = (
        "who",
        "health_cell",
        "parties",
        "speaks",
        "heard",
        "errors",
        "backlog",
    )
    list_filter = (StateFilter, AttentionFilter, "version", RoleFilter, ModuleFilter, CountryFilter)
    search_fields = ("name", "roles__party__party_id", "roles__party__name", "versions_url")
    search_help_text = "Name, party or URL"
    ordering = ("name",)
    actions = ("ask_pause",)
    list_before_template = "console/partners/list_head.html"
    show_add_link = False  # the button above the list says it
    sortable_by = ("who", "speaks", "heard")
    empty = Empty(
        "Connections to the platforms of partners.",
        "There is none yet.",
        "Connect a partner",
        "admin:partners_connection_add",
        "partners.manage_connections",
    )

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return Listing

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        return super().get_queryset(request).prefetch_related("our_parties", "roles__party", "endpoints")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("partners.manage_connections"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A connection ends by a button that tells the partner; its row stays as history."""
        return False

    def get_urls(self) -> list[URLPattern]:
        own = [
            self.page("pause/", self.pause_several, "pause_several", permission="change"),
            self.page("<int:pk>/do/<slug:verb>/", self.press, "do"),
            self.page("<int:pk>/live/<slug:flow>/", self.live, "live"),
            self.page("<int:pk>/steps/<slug:flow>/", self.steps, "steps"),
            self.page("<int:pk>/running/", self.running, "running", permission="delivery.view_pull"),
            self.page("<int:pk>/setup/", self.setup, "setup", permission="partners.manage_connections"),
            self.page(
                "<int:pk>/invite-again/", self.invite_again, "invite_again", permission="partners.manage_connections"
            ),
        ]
        return [*own, *super().get_urls()]

    # --- the list -----------------------------------------------------------------------------------------------------

    @admin.display(description="Name", ordering="name")
    def who(self, row: Connection) -> str:
        return row.name

    @admin.display(description="Health")
    def health_cell(self, row: Any) -> str:
        return health_state(row.health)

    @admin.display(description="We → they")
    def parties(self, row: Connection) -> str:
        """Each party once, with its roles; a claim that waits for approval has a question mark."""
        theirs: dict[str, list[str]] = {}
        for role in row.roles.all():
            theirs.setdefault(str(role.party), []).append(f"{role.role}{'?' if role.state != 'ACTIVE' else ''}")
        ours = ", ".join(str(party) for party in row.our_parties.all())
        named = ", ".join(f"{party} {' + '.join(roles)}" for party, roles in list(theirs.items())[:2])
        more = f" and {len(theirs) - 2} more" if len(theirs) > 2 else ""
        return format_html("{} →<br>{}{}", ours, named or NOTHING, more)

    @admin.display(description="Version, modules", ordering="version")
    def speaks(self, row: Connection) -> str:
        """Of the modules that they offer, how many we speak."""
        offered = {endpoint.identifier for endpoint in row.endpoints.all()} - {"credentials"}
        spoken = {module.endpoint for module in site.modules()} - {"credentials"}
        shared = f"{len(offered & spoken)} of {len(offered)}" if offered else NOTHING
        return format_html("{}<br>{}", row.version or NOTHING, shared)

    @admin.display(description="Last in, out", ordering="last_in_at")
    def heard(self, row: Connection) -> str:
        return format_html("{}<br>{}", since(row.last_in_at), since(row.last_out_at))

    @admin.display(description="Errors, p95")
    def errors(self, row: Any) -> str:
        found = row.vitals
        failed = f"{1 - found.succeeded / found.exchanges:.1%}" if found.exchanges else NOTHING
        slowest = f"{found.p95_ms:,.0f} ms" if found.p95_ms is not None else NOTHING
        return format_html("{}<br>{}", failed, slowest)

    @admin.display(description="Backlog, oldest")
    def backlog(self, row: Any) -> str:
        found = row.vitals
        if not found.due or found.oldest_due_at is None:
            return NOTHING
        return format_html("{}<br>{}", found.due, in_words(found.now - found.oldest_due_at))

    # --- one connection -----------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return wizard.begin(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        connection = self.connection(request, object_id)
        chosen = request.GET.get("tab", "overview")
        if chosen not in page.TABS:
            raise Http404
        tabs = {
            name: tab for name, tab in page.TABS.items() if not tab.permission or self.allows(request, tab.permission)
        }
        if chosen not in tabs:
            raise PermissionDenied
        context = tabs[chosen].gather(connection)
        if chosen == "overview":
            known = {role.party_id: role.party for role in context["roles"]}
            context["theirs"] = of_connection(request, connection, known.values())
        if chosen == "quirks":
            answer = self._quirks(request, connection, context)
            if answer is not None:
                return answer
        elif request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        return self.render(
            request,
            f"console/partners/connection_{chosen}.html",
            context
            | self.frame(request, connection)
            | {
                "title": connection.name,
                "tabs": [(name, tab.label) for name, tab in tabs.items()],
                "tab": chosen,
            },
        )

    def connection(self, request: HttpRequest, pk: Any) -> Connection:
        """Raises Http404."""
        found: Connection = self.one(request, pk)
        return found

    def frame(self, request: HttpRequest, connection: Connection) -> dict[str, Any]:
        """What the head of every page of a connection needs."""
        return {
            "connection": connection,
            "buttons": shown(connection, lambda permission: self.allows(request, permission)),
            "may_manage": self.allows(request, "partners.manage_connections"),
            "may_change": self.has_change_permission(request, connection),
            "may_pull": self.allows(request, "delivery.add_pull"),
            "may_log": self.allows(request, "delivery.view_exchange"),
            "may_outbox": self.allows(request, "delivery.view_message"),
            "now": site.now(),
            "crumbs": [(capfirst(self.opts.verbose_name_plural), reverse("admin:partners_connection_changelist"))],
        }

    def _quirks(self, request: HttpRequest, connection: Connection, context: dict[str, Any]) -> HttpResponse | None:
        may = self.has_change_permission(request, connection)
        if request.method == "POST" and not may:
            raise PermissionDenied
        form = QuirksForm(request.POST if request.method == "POST" else None, instance=connection)
        if not may:
            for field in form.fields.values():
                field.disabled = True
        if request.method == "POST" and form.is_valid():
            form.save()
            changed = ", ".join(str(form.fields[name].label or name) for name in form.changed_data)
            if changed:
                self.note(request, connection, f"Changed {changed}")
            self.done(request, "Saved. It holds from the next request on." if changed else "Nothing was changed.")
            return redirect(f"{reverse('admin:partners_connection_change', args=[connection.pk])}?tab=quirks")
        context["form"] = form
        return None

    # --- buttons ------------------------------------------------------------------------------------------------------

    def press(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """GET asks, with what will happen; POST does it. Every refusal leaves everything as it was."""
        connection = self.connection(request, pk)
        button = BUTTONS.get(verb)
        if button is None:
            raise Http404
        if not self.allows(request, button.permission):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else request.GET
        press = Press(request, connection, given, reason=given.get("reason", "").strip()[:200])
        home = reverse("admin:partners_connection_change", args=[connection.pk])
        if ConnectionState(connection.state) not in button.states:
            self.sorry(
                request,
                Exception(f"{button.label} is not possible while the connection is {connection.state.lower()}."),
            )
            return redirect(home)
        if request.method == "GET" and not button.asks:
            return HttpResponseNotAllowed(["POST"])
        try:
            if request.method == "GET" or (button.asks and not press.reason):
                return self._ask(request, press, verb, button)
            return self._do(request, press, button)
        except (UnableToConnect, UnableToPull, NotAllowed) as error:
            self.sorry(request, error)
            return redirect(home)

    def _ask(self, request: HttpRequest, press: Press, verb: str, button: Button) -> HttpResponse:
        assert button.consequences is not None
        context = {
            "title": f"{button.label}: {press.connection.name}",
            "button": button,
            "verb": verb,
            "consequences": button.consequences(press),
            "given": [(name, press.given.get(name, "")) for name in button.needs],
            "reason_missing": request.method == "POST",
            "buttons": [],
        }
        return self.render(
            request,
            "console/partners/ask.html",
            self.frame(request, press.connection) | context,
            status=400 if request.method == "POST" else 200,
        )

    def _do(self, request: HttpRequest, press: Press, button: Button) -> HttpResponse:
        connection = press.connection
        because = f": {press.reason}" if press.reason else ""
        if button.flow:
            try:
                flows.begin(connection, button.flow, lambda: button.act(press), now=site.now())
            except UnableToConnect as error:
                self.sorry(request, error)
            else:
                self.note(request, connection, f"Began: {button.label}{because}")
            return redirect("admin:partners_connection_live", connection.pk, button.flow)
        said = button.act(press)
        self.note(request, connection, f"{said}{because}")
        self.message_user(request, f"{said}.", messages.SUCCESS)
        tab = "?tab=sync" if button.label == "Sync now" else "?tab=endpoints" if "host" in button.needs else ""
        return redirect(reverse("admin:partners_connection_change", args=[connection.pk]) + tab)

    # --- several connections --------------------------------------------------------------------------------------------

    @admin.action(description="Pause…", permissions=["change"])
    def ask_pause(self, request: HttpRequest, queryset: QuerySet[Connection]) -> HttpResponse:
        return self._ask_pause(request, list(queryset))

    def _ask_pause(self, request: HttpRequest, rows: list[Connection], *, missing: bool = False) -> HttpResponse:
        pausable = [row for row in rows if ConnectionState(row.state) in BUTTONS["pause"].states]
        context = {
            "title": "Pause connections",
            "rows": pausable,
            "left": [row for row in rows if row not in pausable],
            "reason_missing": missing,
        }
        return self.render(request, "console/partners/pause_several.html", context, status=400 if missing else 200)

    def pause_several(self, request: HttpRequest) -> HttpResponse:
        """Each by itself: one that cannot be paused any more holds up none of the others."""
        numbers = [pk for text in request.POST.getlist("pk") if (pk := number(text)) is not None]
        rows = list(self.get_queryset(request).filter(pk__in=numbers))
        reason = request.POST.get("reason", "").strip()[:200]
        if not rows:
            return redirect("admin:partners_connection_changelist")
        if not reason:
            return self._ask_pause(request, rows, missing=True)
        paused = 0
        for row in rows:
            try:
                pause(row, reason=reason)
            except (UnableToConnect, NotAllowed) as error:
                self.message_user(request, f"{row}: {error}", messages.WARNING)
            else:
                paused += 1
                self.note(request, row, f"Paused: {reason}")
        self.done(request, f"{paused} connection(s) paused.")
        return redirect("admin:partners_connection_changelist")

    # --- flows while they run -----------------------------------------------------------------------------------------

    def live(self, request: HttpRequest, pk: int, flow: str) -> HttpResponse:
        connection = self.connection(request, pk)
        if flow not in flows.FLOWS:
            raise Http404
        context = {"title": f"{flows.FLOWS[flow]}: {connection.name}"} | self._progress(connection, flow)
        return self.render(request, "console/partners/live.html", self.frame(request, connection) | context)

    def steps(self, request: HttpRequest, pk: int, flow: str) -> HttpResponse:
        """The part of `live` that renews itself."""
        connection = self.connection(request, pk)
        if flow not in flows.FLOWS:
            raise Http404
        context = self.frame(request, connection) | self._progress(connection, flow)
        answer = self.render(request, "console/partners/_steps.html", {"title": ""} | context)
        if flow != "receive" and not context["progress"].running:
            answer["HX-Refresh"] = "true"  # state and buttons in the page's head have changed, too
        return answer

    def _progress(self, connection: Connection, flow: str) -> dict[str, Any]:
        context: dict[str, Any] = {"flow": flow, "progress": flows.progress(connection, flow, now=site.now())}
        if flow == "register" and connection.state == ConnectionState.REGISTERING and context["progress"].ok:
            context |= page.endpoints(connection)
        if flow == "check":
            context |= {"checks": page.last_check(connection)}
        return context

    def running(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the sync tab that renews itself while something is fetched."""
        connection = self.connection(request, pk)
        context = {"title": ""} | page.sync(connection) | self.frame(request, connection)
        return self.render(request, "console/partners/_pulls.html", context)

    def setup(self, request: HttpRequest, pk: int) -> HttpResponse:
        return wizard.go_on(self, request, self.connection(request, pk))

    def invite_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        return wizard.invite_again(self, request, self.connection(request, pk))


def link(connection: Connection | None) -> str:
    """A connection's name that leads to its page."""
    if connection is None:
        return NOTHING
    return format_html(
        '<a class="rd-link" href="{}">{}</a>',
        reverse("admin:partners_connection_change", args=[connection.pk]),
        connection,
    )
