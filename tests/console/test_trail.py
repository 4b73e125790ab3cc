"""What belongs to one charge is one click away: the line of links on each of its pages, and on a partner's page all of theirs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from backoffice.console.models import PartyScope
from tests import factories
from tests.locations.cast import logged_in
from tests.payments.test_charging import Harbour

pytestmark = pytest.mark.django_db


def may(user: User, *names: str) -> Client:
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return logged_in(User.objects.get(pk=user.pk))


def test_each_page_of_a_charge_leads_to_all_others() -> None:
    harbour = Harbour()
    session = harbour.start()
    cdr = harbour.stop(20, "8")
    advice = harbour.advice("4.00")
    pages = {
        "session": reverse("admin:charging_sessions_session_change", args=[session.pk]),
        "cdr": reverse("admin:cdrs_cdr_change", args=[cdr.pk]),
        "advice": reverse("admin:payments_advice_change", args=[advice.pk]),
        "invoice": reverse("admin:payments_driverinvoice_change", args=[advice.invoice.pk]),
    }
    root = logged_in(User.objects.create_superuser("root"))
    for here, page in pages.items():
        steps = root.get(page).context["trail"]
        assert [step.kind for step in steps] == ["Session", "CDR", "Advice", "Invoice", "Terminal"], here
        assert [step.url for step in steps][:4] == list(pages.values())
        assert [step.url for step in steps if step.here] == [page]
        assert root.get(steps[-1].url).status_code == 200
    support = User.objects.create_user("support", is_staff=True)
    steps = may(support, "view_session", "view_cdr").get(pages["cdr"]).context["trail"]
    assert [step.kind for step in steps] == ["Session", "CDR"], "only what this user may open"


def test_a_scope_ends_the_line() -> None:
    """Who looks for the provider alone sees no driver's invoice of the CPO."""
    harbour = Harbour()
    harbour.start()
    harbour.stop(20, "8")
    advice = harbour.advice("4.00")
    scope = PartyScope.objects.create(name="the provider's")
    scope.parties.add(harbour.provider.party)
    clerk = User.objects.create_user("clerk", is_staff=True)
    scope.users.add(clerk)
    views = ("view_session", "view_cdr", "view_advice", "view_driverinvoice", "view_terminal")
    page = may(clerk, *views).get(reverse("admin:payments_advice_change", args=[advice.pk]))
    assert [step.kind for step in page.context["trail"]] == ["Session", "CDR", "Advice", "Terminal"]


def test_a_partner_leads_to_everything_of_theirs() -> None:
    partner = factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", ours=[factories.own_party()])
    root = logged_in(User.objects.create_superuser("root"))
    over, theirs = root.get(reverse("admin:partners_connection_change", args=[partner.connection.pk])).context["theirs"]
    links = [*over[1], *theirs[1]]
    assert len(links) == 11
    assert (
        theirs[1] == root.get(reverse("admin:partners_party_change", args=[partner.party.pk])).context["theirs"][0][1]
    )
    for _, url in links:
        assert root.get(url).status_code == 200
