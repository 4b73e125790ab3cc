"""Base ModelAdmins of every screen: scoped by party, bounded in what they count, plain in what they say when empty.

`ConsoleAdmin` for what staff edit, `ReadOnlyAdmin` for what only partners and actions write. Buttons call one action each,
name a permission, and turn an `UnableTo...` into a sentence with `sorry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from backoffice.console.paginator import BoundedPaginator
from backoffice.console.scope import scoped


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says: what belongs here, why there is none, and one button (`url` is a URL name)."""

    belongs: str
    why: str
    button: str = ""
    url: str = ""
    permission: str = ""


class ConsoleAdmin(ModelAdmin):
    """`party_lookup`: where the owning party stands, for scoping; None only for what belongs to no party."""

    party_lookup: str | None = "party"
    empty: Empty = Empty("", "")
    list_count_limit: ClassVar[int] = 10_000
    list_per_page = 50
    list_filter_submit = True
    list_fullwidth = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a count for each choice of each filter, on tables of any size
    compressed_fields = False
    warn_unsaved_form = True
    paginator: Any = BoundedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        return scoped(queryset, request.user, self.party_lookup) if self.party_lookup else queryset

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **options: Any) -> Any:
        paginator = super().get_paginator(request, queryset, per_page, *args, **options)
        if isinstance(paginator, BoundedPaginator):
            paginator.limit = self.list_count_limit
        return paginator

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list knows what to say when it is empty: the theme's template sees nothing else."""
        changelist = super().get_changelist_instance(request)
        changelist.empty = self.empty
        allowed = not self.empty.permission or request.user.has_perm(self.empty.permission)
        changelist.empty_button = bool(self.empty.url) and allowed
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(
            request, {"title": capfirst(self.opts.verbose_name_plural)} | (extra_context or {})
        )

    # --- pages and buttons of one object ------------------------------------------------------------------------------

    def page(self, route: str, view: Callable[..., HttpResponse], name: str, *, permission: str = "view") -> URLPattern:
        """A page of this admin behind its permission: `<app>_<model>_<name>`. For `get_urls`, before Django's own."""

        def guarded(request: HttpRequest, *args: Any, **segments: Any) -> HttpResponse:
            if not self.allows(request, permission):
                raise PermissionDenied
            return view(request, *args, **segments)

        options = self.opts
        return path(route, self.admin_site.admin_view(guarded), name=f"{options.app_label}_{options.model_name}_{name}")

    def allows(self, request: HttpRequest, permission: str) -> bool:
        """`view`, `add`, `change`, `delete` of this model, or a whole permission name."""
        if "." in permission:
            return bool(request.user.has_perm(permission))
        return bool(getattr(self, f"has_{permission}_permission")(request))

    def one(self, request: HttpRequest, pk: Any) -> Any:
        """This object if the user's scope holds it; else as if it did not exist, as with a key that is no number ("²" is a digit
        to Python and no number). Raises Http404."""
        from django.shortcuts import get_object_or_404

        if not re.fullmatch("[0-9]{1,18}", str(pk)):
            raise Http404
        return get_object_or_404(self.get_queryset(request), pk=pk)

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        """A page in the console's frame. `context` must hold `title`."""
        request.current_app = self.admin_site.name
        base = {**self.admin_site.each_context(request), "opts": self.opts, "model_admin": self, "subtitle": None}
        return TemplateResponse(request, template, base | context, status=status)

    def sorry(self, request: HttpRequest, error: Exception) -> None:
        """Say why an action was not possible, in its own words."""
        self.message_user(request, str(error), messages.ERROR)

    def done(self, request: HttpRequest, sentence: str) -> None:
        self.message_user(request, sentence, messages.SUCCESS)

    def note(self, request: HttpRequest, obj: Model, sentence: str) -> None:
        """Write an action of staff into the object's history."""
        self.log_change(request, obj, sentence)


class ReadOnlyAdmin(ConsoleAdmin):
    """Rows that staff read and never write by hand."""

    actions = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Without the button of Django's history: nobody edits these rows, so it would always be empty."""
        return super().change_view(request, object_id, form_url, {"show_history": False} | (extra_context or {}))
