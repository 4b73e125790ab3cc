"""The tariff editor: begin a draft from a template or a copy, edit it with everything it comes to beside it, publish it.

One page, one form. Every button works without scripts; with them, `static/console/tariffs.js` sends the form while somebody types
and puts the answer into the page.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console.cells import since, state
from backoffice.console.given import number
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.roaming_site import site
from backoffice.tariffs.actions import drafting
from backoffice.tariffs.actions.drafting import UnableToChange
from backoffice.tariffs.admin.editor import beginning
from backoffice.tariffs.admin.editor.cards import Drawn
from backoffice.tariffs.admin.editor.form import TariffForm
from backoffice.tariffs.admin.editor.publishing import PublishPages, carried_id, page_of
from backoffice.tariffs.admin.pane import examples
from backoffice.tariffs.admin.pane.asked import Asked, zones_of
from backoffice.tariffs.admin.pane.figures import Pane, is_too_large, whole
from backoffice.tariffs.admin.pane.seeing import comparable, offer_of, remember, remembered, seen_tariff, typed
from backoffice.tariffs.models import Draft


@admin.register(Draft)
class DraftAdmin(PublishPages, ConsoleAdmin):
    list_display = ("name", "owner", "purpose", "standing", "changed")
    list_display_links = ("name",)
    list_select_related = ("party", "tariff", "replaces", "updated_by")
    search_fields = ("object_id",)
    search_help_text = "Id"
    actions = None
    empty = Empty(
        "Drafts of tariffs: what is being prepared and no partner sees yet.",
        "Nobody is preparing one.",
        "New tariff",
        "admin:tariffs_draft_add",
        "tariffs.add_draft",
    )

    def get_urls(self) -> list[URLPattern]:
        of, page = "<int:pk>/", self.page
        return [
            page("add/", self.begin_view, "add", permission="add"),
            page("from/<int:tariff>/", require_POST(self.from_view), "from", permission="add"),
            page(f"{of}change/", self.editor_view, "change"),
            page(f"{of}live/", require_POST(self.live_view), "live", permission="change"),
            page(f"{of}discard/", require_POST(self.discard_view), "discard", permission="change"),
            *self.publish_urls(),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Draft]:
        return super().get_queryset(request).select_related("party", "tariff", "replaces", "updated_by")

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-updated_at", "-id"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A draft is discarded on its page."""
        return False

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Draft", ordering="object_id")
    def name(self, draft: Draft) -> str:
        return str(draft)

    @admin.display(description="Owner", ordering="party")
    def owner(self, draft: Draft) -> str:
        return draft.party.label

    @admin.display(description="For")
    def purpose(self, draft: Draft) -> str:
        return purpose_of(draft)

    @admin.display(description="State")
    def standing(self, draft: Draft) -> str:
        if draft.problem:
            return state("x", tone=("warn", "edit_note"), text="not complete yet")
        return state("x", tone=("good", "check_circle"), text="can be published")

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, draft: Draft) -> str:
        return since(draft.updated_at)

    # --- beginning ----------------------------------------------------------------------------------------------------

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Choose what a new tariff begins with."""
        parties = beginning.our_parties(request)
        context: dict[str, Any] = {
            "title": "New tariff",
            "crumbs": _crumbs(),
            "parties": parties,
            "back": reverse("admin:tariffs_draft_changelist"),
        }
        if not parties:
            return self.render(request, "console/tariffs/no_party.html", context)
        wanted = (request.POST or request.GET).get("party", "")
        party = next((each for each in parties if str(each.pk) == wanted), parties[0])
        if request.method == "POST":
            try:
                draft, query = beginning.begin(request, party, now=site.now())
            except UnableToChange as error:
                self.sorry(request, error)
            else:
                self.log_addition(request, draft, "Begun.")
                return HttpResponseRedirect(reverse("admin:tariffs_draft_change", args=[draft.pk]) + query)
        context |= {
            "party": party,
            "templates": beginning.offered(party, now=site.now()),
            "copies": comparable(request, ours_first=party),
        }
        return self.render(request, "console/tariffs/begin.html", context)

    def from_view(self, request: HttpRequest, tariff: int) -> HttpResponse:
        """From the page of a published tariff: `how` is correct (same id), follow (its future price) or copy."""
        source = seen_tariff(request, tariff)
        if source is None:
            raise Http404
        try:
            draft = beginning.begin_from(request, source, how=request.POST.get("how", ""), now=site.now())
        except UnableToChange as error:
            self.sorry(request, error)
            return HttpResponseRedirect(page_of(source))
        return HttpResponseRedirect(reverse("admin:tariffs_draft_change", args=[draft.pk]))

    # --- the editor ---------------------------------------------------------------------------------------------------

    def editor_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft: Draft = self.one(request, pk)
        edits = self.has_change_permission(request, draft)
        if request.method == "POST" and not edits:
            raise PermissionDenied
        edits = edits and not is_too_large(draft.tree())
        data = request.POST if request.method == "POST" else remembered(request, draft.party) | request.GET.dict()
        asked = self._asked(data, draft)
        if request.method != "POST":
            form = TariffForm.open(draft.tree(), asked.zone, fixed_id=draft.tariff_id is not None)
            return self._editor(request, draft, form, asked, lock=draft.lock, edits=edits)
        remember(request, draft.party, request.POST)
        lock = _lock_of(request)
        form = self._posted(request, draft, asked)
        if isinstance(form, HttpResponse):
            return form
        if "_keep" in request.POST or "_forget" in request.POST:
            examples.change(request, draft.party, sorry=lambda error: self.sorry(request, error))
            return self._editor(request, draft, form, asked, lock=lock, edits=True)
        try:
            rearranged = form.rearranged(request.POST)
        except ValueError as error:
            self.sorry(request, error)
            return self._editor(request, draft, form, asked, lock=lock, edits=True, status=422)
        if rearranged or "_recalculate" in request.POST:
            return self._editor(request, draft, form, asked, lock=lock, edits=True)
        return self._save(request, draft, form, asked, lock)

    def _save(self, request: HttpRequest, draft: Draft, form: TariffForm, asked: Asked, lock: int) -> HttpResponse:
        changed = form.form.told()
        try:
            saved = drafting.save_draft(draft, form.tree, lock=lock, by=request.user, now=site.now())
        except (UnableToChange, ValueError) as error:
            self.sorry(request, error)
            return self._editor(request, draft, form, asked, lock=lock, edits=True, status=409)
        if changed:
            self.note(request, saved, f"Changed {changed}")
        if "_publish" in request.POST:
            return HttpResponseRedirect(reverse("admin:tariffs_draft_publish", args=[draft.pk]))
        self.done(request, "Saved as a draft. Partners do not see it before it is published.")
        return HttpResponseRedirect(reverse("admin:tariffs_draft_change", args=[draft.pk]))

    def live_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the form comes to as it stands, in parts that the page puts into their places. Nothing is stored."""
        draft: Draft = self.one(request, pk)
        asked = self._asked(request.POST, draft)
        form = self._posted(request, draft, asked)
        if isinstance(form, HttpResponse):
            return form
        remember(request, draft.party, request.POST)
        pane = self._pane(request, draft, form, asked, whole_page=False)
        drawn = Drawn(form, pane)
        return self.render(
            request,
            "console/tariffs/live.html",
            {"title": "", "pane": pane, "drawn": drawn, "edits": True, "draft": draft},
        )

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft: Draft = self.one(request, pk)
        name = str(draft)
        drafting.discard_draft(draft)
        self.done(request, f"Draft {name} is thrown away. What is published stays as it is.")
        return HttpResponseRedirect(reverse("admin:tariffs_draft_changelist"))

    # --- what the views share -----------------------------------------------------------------------------------------

    def _asked(self, data: Any, draft: Draft) -> Asked:
        return Asked.read(data, zones=zones_of(draft.party), now=site.now())

    def _posted(self, request: HttpRequest, draft: Draft, asked: Asked) -> TariffForm | HttpResponse:
        try:
            return TariffForm.posted(request.POST, asked.zone, fixed_id=draft.tariff_id is not None)
        except ValueError as error:
            context = {"title": "Not possible", "sentence": str(error), "crumbs": _crumbs(), "draft": draft}
            return self.render(request, "console/tariffs/refused.html", context, status=422)

    def _pane(
        self, request: HttpRequest, draft: Draft, form: TariffForm, asked: Asked, *, whole_page: bool = True
    ) -> Pane:
        """`whole_page`: with what may be chosen beside it, which does not change while somebody types."""
        other = seen_tariff(request, asked.other) if asked.other is not None else None
        return Pane(
            whole(form.tree, draft.party, now=site.now()),
            asked,
            offer=offer_of(draft.party, carried_id(draft)),
            other=typed(other),
            own_examples=examples.of(draft.party),
            others=comparable(request, ours_first=draft.party, chosen=other) if whole_page else (),
        )

    def _editor(
        self,
        request: HttpRequest,
        draft: Draft,
        form: TariffForm,
        asked: Asked,
        *,
        lock: int,
        edits: bool,
        status: int = 200,
    ) -> HttpResponse:
        pane = self._pane(request, draft, form, asked)
        context = {
            "title": f"{draft}: {purpose_of(draft)}" if draft.tariff_id or draft.replaces_id else f"New tariff {draft}",
            "crumbs": _crumbs(),
            "draft": draft,
            "drawn": Drawn(form, pane),
            "pane": pane,
            "lock": lock,
            "edits": edits,
            "publishes": self.allows(request, "tariffs.publish_tariff"),
            "saved_by": draft.updated_by,
            "example_fields": examples.LABELS,
        }
        return self.render(request, "console/tariffs/editor.html", context, status=status)


def purpose_of(draft: Draft) -> str:
    if draft.tariff is not None:
        return f"correction of {draft.tariff.object_id}"
    if draft.replaces is not None:
        return f"future price after {draft.replaces.object_id}"
    return "new tariff"


def _lock_of(request: HttpRequest) -> int:
    stated = number(request.POST.get("@lock"))
    if stated is None:
        raise BadRequest("The form's hidden parts are damaged.")
    return stated


def _crumbs() -> list[tuple[str, str]]:
    return [("Tariff drafts", reverse("admin:tariffs_draft_changelist"))]
