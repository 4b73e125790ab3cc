"""The staff's pages in a browser: usable by keyboard alone, with the focus where it belongs, nothing from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import factories
from tests.locations.cast import partners_location

LOCATIONS = "/admin/locations/location/"


@pytest.fixture
def names() -> dict[str, int]:
    """One location of ours with everything, one of a partner; the numbers that the URLs need."""
    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    partners_location(told.party, factories.small_location("LUND-1"))
    own = factories.own_location(factories.location(country_code=ours.country_code, party_id=ours.party_id))
    evse = own.evses.first()
    assert evse is not None
    return {"pk": own.pk, "evse": evse.pk, "connection": told.connection.pk}


def test_the_keyboard_alone_changes_a_status(staff: Callable[..., Any], names: dict[str, int]) -> None:
    """Skip link, list, location, "Set status", reason, done: no mouse, no hover."""
    from backoffice.locations.models import Evse

    window = staff()
    page = window.open(LOCATIONS)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "rd-skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to(
        page,
        lambda: (
            "HARBOUR" in focused(page).upper() or "/change/" in str(page.evaluate("document.activeElement.href || ''"))
        ),
    )
    page = window.open(f"{LOCATIONS}{names['pk']}/change/")
    tab_to(page, lambda: focused(page) == "Set status")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Inop")
    page.keyboard.press("Tab")
    page.keyboard.type("Cable cut")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.get_by_text("is INOPERATIVE now").wait_for()
    assert Evse.objects.get(pk=names["evse"]).status == "INOPERATIVE"


def test_the_drawer_of_filters_takes_and_returns_the_focus(staff: Callable[..., Any], names: dict[str, int]) -> None:
    page = staff().open(LOCATIONS)
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'filter-owner'")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.getElementById('changelist-filter').contains(document.activeElement)")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.textContent.includes('Filters')")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'filter-owner'")
    page.keyboard.type("Ours")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Apply").press("Enter")
    assert "owner=ours" in page.url


def focused(page: Any) -> str:
    return str(page.evaluate("(document.activeElement.innerText || '').trim()"))


def tab_to(page: Any, reached: Callable[[], bool]) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if reached():
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError("80 times Tab did not lead there")


def test_an_error_summary_leads_to_the_field(staff: Callable[..., Any], names: dict[str, int]) -> None:
    window = staff()
    page = window.open(f"{LOCATIONS}{names['pk']}/edit/")
    page.fill("#f-country", "X" * 3)
    page.fill("#f-coordinates-latitude", "north")
    with page.expect_navigation():
        page.get_by_role("button", name="Save").last.click()
    page.wait_for_function("document.activeElement.id === 'summary'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "f-coordinates-latitude"
    assert page.input_value("#f-coordinates-latitude") == "north"


def test_add_buttons_put_the_cursor_into_what_was_added(staff: Callable[..., Any], names: dict[str, int]) -> None:
    window = staff()
    page = window.open(f"{LOCATIONS}{names['pk']}/edit/")
    urls = page.locator("input[name^='images.'][name$='.url']")
    before = urls.count()
    with page.expect_navigation():
        page.locator("button[name=_add][value=images]").click()
    page.wait_for_function("id => document.activeElement.id === id", arg=f"f-images-{before}")
    with page.expect_navigation():
        page.locator(f"#f-images-{before}").get_by_role("button", name=f"Remove image {before + 1}").click()
    assert urls.count() == before


def test_the_board_renews_itself_and_can_be_paused(staff: Callable[..., Any], names: dict[str, int]) -> None:
    from backoffice.locations.actions import changing
    from backoffice.locations.models import Evse
    from backoffice.roaming_site import site

    window = staff(width=360)
    page = window.open(f"{LOCATIONS}board/")
    evse = Evse.objects.select_related("location").get(pk=names["evse"])
    changing.set_status(evse.location, evse.uid, "BLOCKED", source="test", now=site.now())
    page.locator("#board b", has_text="BLOCKED").first.wait_for(timeout=40_000)
    pause = page.locator("[data-refresh-pause]")
    pause.click()
    assert pause.get_attribute("aria-pressed") == "true"
    assert pause.inner_text() == "Resume"
    window.open(f"{LOCATIONS}board/")
    assert page.locator("[data-refresh-pause]").get_attribute("aria-pressed") == "true"  # remembered


def test_the_map_and_its_list_show_the_same_window(staff: Callable[..., Any], names: dict[str, int]) -> None:
    window = staff()
    page = window.open(f"{LOCATIONS}map/")
    page.locator("#map-list li").first.wait_for()
    assert page.locator("#map-list li").count() == 2
    if page.locator("#map").is_visible():  # with Leaflet
        assert page.locator("#map .rd-pin").count() == 2
        assert page.locator("#map .rd-pin").first.get_attribute("aria-label")
        page.locator("#map").focus()
        for _ in range(12):
            page.keyboard.press("+")
            page.wait_for_timeout(350)
        page.wait_for_function("document.querySelectorAll('#map-list li').length < 2")


def test_a_copy_button_copies(staff: Callable[..., Any], names: dict[str, int]) -> None:
    window = staff()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = window.open(f"{LOCATIONS}{names['pk']}/change/")
    page.get_by_role("button", name="Copy HARBOUR-7").click()
    assert page.evaluate("navigator.clipboard.readText()") == "HARBOUR-7"


def test_the_menu_opens_on_a_small_screen(staff: Callable[..., Any], names: dict[str, int]) -> None:
    window = staff(width=360)
    page = window.open("/admin/")
    page.get_by_role("button", name="Navigation", exact=True).click()
    page.get_by_role("link", name="Status board").click()
    page.wait_for_url("**/board/")


def test_the_theme_is_chosen_and_kept(staff: Callable[..., Any], names: dict[str, int]) -> None:
    window = staff()
    page = window.open("/admin/")
    page.locator(".rd-user summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_function("document.documentElement.classList.contains('dark')")
    window.open(LOCATIONS)
    page.wait_for_function("document.documentElement.classList.contains('dark')")
