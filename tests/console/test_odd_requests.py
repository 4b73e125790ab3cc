"""What nobody who uses the pages sends, at every address of the admin and in every filter: an answer, never a 5xx.

Walks what is registered, so a new screen is tried without a line here.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests import factories
from tests.locations.cast import partners_location

KEYS = ("²", "9" * 25, str(2**63 - 1), "0", "-1", "abc", "1\x00", "😀", "1;2", "1_0", "١")
VALUES = ("\x00", "²", "9" * 30, "zzz'\"%")
PARAMETERS = ("q", "p", "o", "e", "id__in", "password__startswith")


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[tuple[str, list[str]]]:
    """Every address of the admin as a template, with the names of its segments."""
    for each in resolver.url_patterns:
        written = before + str(each.pattern).lstrip("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(each, URLResolver):
            yield from addresses(each, written)
        elif isinstance(each, URLPattern) and "(" not in written:
            yield written, list(each.pattern.converters)


def admin_pages() -> list[tuple[str, list[str]]]:
    return [page for page in addresses(get_resolver()) if page[0].startswith("/admin/") and "logout" not in page[0]]


def filled(template: str, key: str) -> str:
    """The address with this for each of its segments."""
    parts = template.split("<")
    return parts[0] + "".join(quote(key, safe="") + part.partition(">")[2] for part in parts[1:])


@pytest.fixture
def browser(db: None) -> Client:
    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    partners_location(told.party, factories.small_location("LUND-1"))
    factories.own_location(factories.location(country_code=ours.country_code, party_id=ours.party_id))
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")
    return browser


def test_the_walk_finds_the_screens() -> None:
    templates = [template for template, _ in admin_pages()]
    assert "/admin/locations/location/board/" in templates
    assert "/admin/partners/connection/<path:object_id>/change/" in templates
    assert "/admin/partners/connection/<int:pk>/do/<slug:verb>/" in templates
    assert len(templates) > 80


@pytest.mark.parametrize("key", KEYS)
def test_no_key_breaks_a_page(key: str, browser: Client) -> None:
    broken = []
    for template, segments in admin_pages():
        if segments:
            path = filled(template, key)
            if (answer := browser.get(path)).status_code >= 500:
                broken.append((answer.status_code, path))
    assert broken == []


def lists() -> list[tuple[str, tuple[str, ...]]]:
    """Each list with the parameters of its own filters."""
    found = []
    for model, screen in admin.site._registry.items():
        own = []
        for each in screen.list_filter:
            named = each if isinstance(each, str) else getattr(each, "parameter_name", None)
            own += [named, f"{named}__exact", f"{named}__id__exact"] if isinstance(named, str) else []
        found.append((f"/admin/{model._meta.app_label}/{model._meta.model_name}/", (*own, *PARAMETERS)))
    return found


@pytest.mark.parametrize(("path", "names"), lists(), ids=[path for path, _ in lists()])
def test_no_filter_breaks_a_list(path: str, names: tuple[str, ...], browser: Client) -> None:
    tried = [f"{path}?{name}={quote(value, safe='')}" for name in names for value in VALUES]
    broken = [asked for asked in tried if browser.get(asked).status_code >= 500]
    assert broken == []


NAMES = (
    *(
        "partner",
        "module",
        "direction",
        "status",
        "preset",
        "object",
        "correlation",
        "q",
        "window",
        "before",
        "after",
        "owner",
    ),
    *("country", "power", "connector", "near", "bounds", "south", "west", "north", "east", "zoom", "as", "tab"),
    *("way", "host", "role", "full", "at", "date", "sort", "page", "pk", "action", "reason", "flow"),
)


@pytest.mark.parametrize("value", ["\x00", "²", "9" * 30, "NaN", "1e999", "-1"])
def test_no_parameter_breaks_a_page(value: str, browser: Client) -> None:
    query = "&".join(f"{name}={quote(value, safe='')}" for name in NAMES)
    tried = [f"{template}?{query}" for template, segments in admin_pages() if not segments]
    broken = [asked for asked in tried if browser.get(asked).status_code >= 500]
    assert broken == []


def test_nul_in_a_form_is_a_bad_request(browser: Client) -> None:
    answer = browser.post("/admin/delivery/message/drop/", {"pk": "1", "reason": "a\x00b"})
    assert answer.status_code == 400
    assert browser.post("/admin/login/?next=%00", {"username": "a\x00", "password": "b\x00"}).status_code < 500
