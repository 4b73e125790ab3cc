"""The small parts that every screen uses: cells, the bounded paginator, who may give rights to whom."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client

from backoffice.console import cells
from backoffice.console.model_admins import ConsoleAdmin
from backoffice.console.paginator import BoundedPaginator
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests.locations.cast import logged_in, staff


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86399, "23 h"),
        (86400, "1 d"),
        (-3, "0 s"),
    ],
)
def test_a_span_is_told_in_one_unit(seconds: float, words: str) -> None:
    assert cells.span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (118, "1 min 58 s"),
        (599, "9 min 59 s"),
        (659, "10 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_how_long_a_charge_took_is_told_to_what_matters(seconds: float, words: str) -> None:
    assert cells.lasting(seconds) == words


@time_machine.travel("2026-05-01T12:00:00Z", tick=False)
def test_a_time_is_relative_with_utc_on_hover() -> None:
    assert 'title="2026-05-01 11:55:00 UTC">5 min ago<' in cells.since(site.now() - timedelta(minutes=5))
    assert ">in 2 h<" in cells.since(site.now() + timedelta(hours=2))
    assert cells.since(None) == cells.NOTHING


def test_a_state_is_icon_and_text_and_colour() -> None:
    said = cells.state("OUTOFORDER")
    assert "Out of order" in said
    assert "rd-bad" in said
    assert 'aria-hidden="true">error<' in said
    assert "Something new" in cells.state("SOMETHING_NEW")


def test_cells_escape_what_partners_wrote() -> None:
    evil = '"><script>alert(1)</script>'
    for said in (cells.copyable(evil), cells.state(evil), cells.json_panel({"name": evil}), cells.json_panel(evil)):
        assert "<script>" not in said


def test_json_keeps_the_digits_of_numbers() -> None:
    assert cells.pretty({"price": Decimal("0.10"), "n": 3}) == '{\n  "price": 0.10,\n  "n": 3\n}'
    assert cells.pretty('{"price":1.50}') == '{\n  "price": 1.50\n}'
    assert cells.pretty("no json") == "no json"


@pytest.mark.django_db
def test_the_paginator_counts_only_so_far() -> None:
    for number in range(7):
        Party.objects.create(country_code="NL", party_id=f"P{number:02}")
    paginator = BoundedPaginator(Party.objects.order_by("pk"), 2)
    assert (paginator.count, paginator.more, paginator.num_pages) == (7, False, 4)
    paginator = BoundedPaginator(Party.objects.order_by("pk"), 2)
    paginator.limit = 5
    assert (paginator.count, paginator.more, paginator.num_pages) == (5, True, 3)
    assert paginator.estimate >= 6


@pytest.mark.django_db
def test_only_a_superuser_gives_rights() -> None:
    keeper = staff("keeper")
    for codename in ("view_user", "change_user"):
        from django.contrib.auth.models import Permission

        keeper.user_permissions.add(Permission.objects.get(codename=codename))
    other = staff("other")
    client = logged_in(keeper)
    page = f"/admin/auth/user/{other.pk}/change/"
    assert client.get(page).status_code == 200
    wanted = Group.objects.get(name="Operations")
    client.post(
        page, {"username": "other", "is_active": "on", "is_superuser": "on", "is_staff": "on", "groups": [wanted.pk]}
    )
    other.refresh_from_db()
    assert (other.is_superuser, list(other.groups.all())) == (False, [])
    root = logged_in(User.objects.create_superuser("root"))
    root.post(page, {"username": "other", "is_active": "on", "is_staff": "on", "groups": [wanted.pk]})
    other.refresh_from_db()
    assert list(other.groups.all()) == [wanted]


@pytest.mark.django_db
def test_errors_are_plain_sentences() -> None:
    client = logged_in(staff("nobody"))
    refused, missing = client.get("/admin/auth/user/"), client.get("/admin/nowhere/")
    assert (refused.status_code, missing.status_code) == (403, 404)
    assert "nothing was changed" in refused.content.decode()
    assert "There is nothing here" in missing.content.decode()


@pytest.mark.django_db
def test_a_superuser_cannot_lock_himself_out() -> None:
    user = User.objects.create_superuser("root")
    client = logged_in(user)
    client.post(f"/admin/auth/user/{user.pk}/change/", {"username": "root"})
    user.refresh_from_db()
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, True, True)
    assert client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


@pytest.mark.django_db
def test_who_opens_the_login_page_by_itself_comes_to_the_start_page() -> None:
    User.objects.create_superuser("root", password="long enough a word")
    answer = Client().post("/admin/login/", {"username": "root", "password": "long enough a word"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_no_list_shows_a_field_in_place_of_a_column_of_the_same_name() -> None:
    """Django looks for a field first: a method called like one is never asked, and staff see what is stored."""
    shadowed = []
    for model, screen in admin.site._registry.items():
        fields = {field.name for field in model._meta.get_fields() if not field.auto_created}
        shadowed += [
            f"{model._meta.label}.{name}"
            for name in screen.list_display
            if name in fields and hasattr(screen, str(name))
        ]
    assert shadowed == []


def test_the_first_column_of_a_list_leads_to_the_page_of_its_row() -> None:
    """Without that the theme heads the row with "Select record" on a small screen, ticked or not."""
    unled = [
        model._meta.label
        for model, screen in admin.site._registry.items()
        if isinstance(screen, ConsoleAdmin)
        and not screen.actions
        and (screen.list_display_links is None or screen.list_display_links[:1] not in ((), screen.list_display[:1]))
    ]
    assert unled == []
