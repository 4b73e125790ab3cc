"""The work of a tariff manager in a browser: a price is made, watched while it is typed, mended, published, and arrives at the
partner, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from backoffice.delivery.actions import draining
from backoffice.roaming_site import site
from tests import factories
from tests.browser.test_console import tab_to
from tests.factories import small_tariff
from tests.meeting import peer, platform, reachable, registered
from tests.peer import ScriptedPeer

__all__ = ["peer", "platform", "reachable"]

TARIFFS = "/admin/tariffs/tariff/"
PRICE = "#f-elements-0-price_components-0-price"
STEP = "#f-elements-0-price_components-0-step_size"


def test_a_price_is_made_watched_mended_published_and_arrives(
    staff: Callable[..., Any], platform: Any, peer: ScriptedPeer
) -> None:
    from backoffice.tariffs.models import Draft, Tariff

    connection = registered(peer)
    page = staff().open(TARIFFS)
    page.get_by_role("link", name="New tariff").first.click()
    page.get_by_role("button", name="Begin with Per kWh", exact=True).click()
    page.wait_for_url("**/change/")

    sentence = page.locator(".rt-sentence.rt-lang-en")
    chart, example = page.locator("svg.rt-chart"), page.locator("#example-1 summary strong")
    assert sentence.inner_text() == "EUR 0.49 per kWh, 19% VAT included"
    assert example.inner_text() == "EUR 14.70"
    drawn, told = chart.get_attribute("aria-label"), chart.inner_html()
    page.fill(PRICE, "0,59")
    page.get_by_text("EUR 0.59 per kWh, 19% VAT included").first.wait_for()
    assert example.inner_text() == "EUR 17.70"
    assert chart.get_attribute("aria-label") != drawn
    assert chart.inner_html() != told
    page.locator("label[lang=nl]").click()
    assert page.locator(".rt-sentence.rt-lang-nl").inner_text() == "EUR 0,59 per kWh, inclusief 19% btw"
    assert not sentence.is_visible()
    page.locator("label[lang=en]").click()

    page.fill(STEP, "5000")  # a finding appears at its place, and goes when it is mended
    remark = page.locator("[id='at-f-elements-0-price_components-0-step_size']")
    remark.get_by_text("rounded up by as much as 5000 Wh").wait_for()
    assert page.locator("#findings").get_by_text("step_surprises").count() == 1
    page.fill(STEP, "1")
    page.get_by_text("Nothing to remark. It can be published.").wait_for()
    assert remark.inner_text() == ""

    page.get_by_role("button", name="Save and publish…").click()
    page.get_by_text("Told at once").wait_for()
    assert page.get_by_text(f"1: {connection.name}").is_visible()
    assert not Tariff.objects.exists()
    page.get_by_role("button", name="Publish now").click()
    page.get_by_text("is published, and partners are being told").wait_for()
    tariff = Tariff.objects.get()
    assert page.url.endswith(f"{TARIFFS}{tariff.pk}/change/")
    assert page.get_by_role("cell", name="EUR 0.59 per kWh, VAT 19 %").is_visible()
    assert not Draft.objects.exists()

    draining.drain(connection.pk)
    (push,) = peer.pushed(module="tariffs")
    assert (push.method, push.path.split("/receiver/")[1]) == ("PUT", "tariffs/DE/RDK/KWH-1")
    assert b'{"type":"ENERGY","price":0.59,"vat":19,"step_size":1}' in push.body
    page.get_by_role("link", name="Partners", exact=True).click()
    page.get_by_role("link", name=connection.name, exact=True).wait_for()
    assert page.locator("main .rd-state", has_text="Done").count() == 1


def test_a_received_tariff_has_the_same_pane_and_no_form(staff: Callable[..., Any], platform: Any) -> None:
    from backoffice.tariffs.actions.storing import PARTNER, parsed, store

    partner = factories.partner(ours=[platform])
    tree = small_tariff("T1", str(partner.party))
    (item,) = store(partner.party.pk, [(tree, parsed(tree))], source=PARTNER, now=site.now(), ours=False)
    page = staff().open(f"{TARIFFS}{item.id}/change/")
    chart = page.locator("svg.rt-chart")
    before = chart.get_attribute("aria-label")
    page.select_option("#p-curve", "ac11")
    page.get_by_text(re.compile(r"AC 11 kW: 53\.1 kWh in 5:10 h cost")).first.wait_for()
    assert chart.get_attribute("aria-label") != before
    assert page.locator("input[name^='elements']").count() == 0
    page.locator("#chart-table summary").click()
    assert page.locator("#chart-table tbody tr").count() > 5


def test_the_keyboard_alone_makes_and_publishes_a_price(staff: Callable[..., Any], platform: Any) -> None:
    from backoffice.tariffs.models import Tariff

    page = staff().open(TARIFFS)

    def focused(script: str) -> str:
        return str(page.evaluate(f"document.activeElement.{script} || ''"))

    tab_to(page, lambda: focused("innerText").strip() == "New tariff")
    page.keyboard.press("Enter")
    page.wait_for_url("**/add/")
    tab_to(page, lambda: focused("getAttribute('aria-label')") == "Begin with Time of use")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    tab_to(page, lambda: focused("id") == "f-elements-0-price_components-0-price")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.35")
    page.get_by_text("EUR 0.35 per kWh from 22:00 to 06:00").first.wait_for()
    page.keyboard.press("Alt+ArrowDown")  # the second place, and the focus goes with it
    page.wait_for_function("document.querySelector('#f-elements-1-price_components-0-price').value === '0.35'")
    assert focused("closest('[data-card]').dataset.card") == "1"
    assert "Element 1 is number 2 now." in page.locator("[data-said]").inner_text()
    tab_to(page, lambda: focused("name") == "_publish")
    page.keyboard.press("Enter")
    page.wait_for_url("**/publish/")
    tab_to(page, lambda: focused("innerText").strip() == "Publish now")
    page.keyboard.press("Enter")
    page.get_by_text("is published, and partners are being told").wait_for()
    elements = Tariff.objects.get().tree()["elements"]
    assert [each["price_components"][0]["price"] for each in elements] == [
        Decimal("0.44"),
        Decimal("0.35"),
        Decimal("0.54"),
    ]
