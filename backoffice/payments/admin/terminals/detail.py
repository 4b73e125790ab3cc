"""One terminal: whose it is, what it serves, what the two sides do not agree on, what happened to it; and the buttons. One action
each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console.scope import scoped
from backoffice.delivery.actions import pulling
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals import assigning, looking, providing
from backoffice.payments.actions.terminals.storing import UnableToChange
from backoffice.payments.admin.terminals.words import EVENTS, MEANS, STEER, standing
from backoffice.payments.models import Terminal
from backoffice.payments.rules.terminals import MODULE, RECEIVER_ROLES, TerminalState
from backoffice.roaming_site import site

LIST = "admin:payments_terminal_changelist"
EVSES_SHOWN = 100


class DetailPages:
    """Part of TerminalAdmin."""

    def detail_urls(self: Any) -> list[URLPattern]:
        deeds = ("push", "pull", "take", "deactivate", "reactivate", "place", "tell")
        return [
            self.page(f"<int:pk>/{deed}/", require_POST(getattr(self, f"{deed}_view")), deed, permission=STEER)
            for deed in deeds
        ]

    def change_view(
        self: Any, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: Terminal = self.one(request, object_id)
        seen = looking.terminals([row], now=site.now())[row.pk]
        steers = request.user.has_perm(STEER)
        in_use = row.state != TerminalState.INACTIVE
        tree = row.tree()
        context = {
            "title": row.reference or row.object_id,
            "crumbs": [("Payment terminals", reverse(LIST))],
            "row": row,
            "standing": standing(row),
            "means": MEANS[row.state],
            "seen": seen,
            "evses": seen.evses[:EVSES_SHOWN],
            "more": max(len(seen.evses) - EVSES_SHOWN, 0),
            "differs": [(name, _listed(tree.get(name)), _listed(told)) for name, told in sorted(row.differs.items())],
            "events": [(event, EVENTS.get(event.what, event.what)) for event in row.events.all()],
            "assigns": steers and in_use and (not row.ours or (row.customer is not None and row.customer.ours)),
            "edits": steers and in_use,
            "deactivates": steers and row.state in (TerminalState.NEW, TerminalState.ACTIVE),
            "exchanges": steers and not row.ours and in_use,
            "tells": steers and row.ours and in_use and row.customer is not None and not row.customer.ours,
            "places": places(request) if steers and row.customer is None and not row.ours else [],
            "offers": customers(row.party) if steers and row.customer is None and row.ours else [],
            "reactivates": steers and row.ours and not in_use,
            "again": _again(row) if steers and not row.ours and not in_use else "",
            "log": _log(request, row),
            "tree": tree,
        }
        return self.render(request, "console/payments/terminal.html", context)

    # --- buttons ------------------------------------------------------------------------------------------------------

    def push_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._deed(
            request,
            pk,
            lambda row, by: assigning.push_again(row, by=by, now=site.now()),
            "It is on its way to the provider.",
        )

    def take_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._deed(
            request,
            pk,
            lambda row, by: assigning.take_theirs(row, by=by, now=site.now()),
            "What the provider says holds now.",
        )

    def tell_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._deed(
            request,
            pk,
            lambda row, by: providing.tell_again(row, by=by, now=site.now()),
            "It is on its way to the CPO.",
        )

    def pull_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        def pull(row: Terminal, by: str) -> None:
            if row.customer is None:
                raise UnableToChange(f"{row}: say first at whose charge points it stands.")
            pulling.start(assigning.line_to(row.party, row.customer), MODULE, full=True, now=site.now())

        return self._deed(
            request, pk, pull, "The provider's terminals are being fetched; what differs will stand here."
        )

    def deactivate_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        reason = " ".join(request.POST.get("reason", "").split())[:300]

        def end(row: Terminal, by: str) -> None:
            if not reason:
                raise UnableToChange("Say why: the reason stays with the terminal.")
            act = providing.deactivate if row.ours else assigning.ask_to_deactivate
            act(row, by=by, reason=reason, now=site.now())

        return self._deed(request, pk, end, "It is being taken out of use.")

    def reactivate_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._deed(
            request, pk, lambda row, by: providing.reactivate(row, by=by, now=site.now()), "It is in use again."
        )

    def place_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """A provider's terminal stands at a company of ours; one of ours is for this CPO."""

        def place(row: Terminal, by: str) -> None:
            chosen = customers(row.party) if row.ours else places(request)
            party = next((each for each in chosen if str(each.pk) == request.POST.get("party")), None)
            if party is None:
                raise UnableToChange("Choose a CPO.")
            act = providing.offer if row.ours else assigning.place_with
            act(row, party, by=by, now=site.now())

        return self._deed(request, pk, place, "Done.")

    def _deed(
        self: Any, request: HttpRequest, pk: int, act: Callable[[Terminal, str], None], sentence: str
    ) -> HttpResponse:
        row: Terminal = self.one(request, pk)
        try:
            act(row, request.user.get_username())
        except (UnableToChange, pulling.UnableToPull) as error:
            self.sorry(request, error)
        else:
            self.note(request, row, sentence)
            self.done(request, sentence)
        return HttpResponseRedirect(reverse("admin:payments_terminal_change", args=[pk]))


def places(request: HttpRequest) -> list[Party]:
    """Companies of ours with charge points, as far as the user may see them."""
    ours = Party.objects.filter(ours=True, roles__role__in=RECEIVER_ROLES, roles__connection=None)
    return list(scoped(ours, request.user, "id").distinct())


def customers(provider: Party) -> list[Party]:
    """CPOs for whom a provider of ours may put up terminals: partners that it is connected with, and companies of this house."""
    theirs = Party.objects.filter(
        roles__role__in=RECEIVER_ROLES, roles__state="ACTIVE", roles__connection__our_parties=provider
    )
    ours = Party.objects.filter(ours=True, roles__role__in=RECEIVER_ROLES, roles__connection=None)
    return sorted({*theirs, *ours}, key=str)


def _again(row: Terminal) -> str:
    """The form that asks its provider for it once more, filled in."""
    given = {"provider": row.party_id, "cpo": row.customer_id or "", "reference": row.reference}
    return f"{reverse('admin:payments_terminal_new')}?{urlencode(given | {'terminal_id': row.object_id})}"


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value not in (None, "") else "nothing"


def _log(request: HttpRequest, row: Terminal) -> str:
    if not request.user.has_perm("delivery.view_exchange"):
        return ""
    return f"{reverse('admin:delivery_exchange_changelist')}?window=all&module={MODULE}"
