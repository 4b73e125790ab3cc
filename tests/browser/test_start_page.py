"""The start page in a browser: charts that draw and can be read as a table, links that the keyboard reaches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.roaming_site import site
from tests import factories
from tests.console import charge_rows


@pytest.fixture
def charges() -> None:
    ours = factories.own_party()
    partner = factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", ours=[ours])
    now = site.now()
    charge_rows.session(ours, partner.party, now - timedelta(minutes=5))
    charge_rows.session(partner.party, ours, now - timedelta(hours=3), status="COMPLETED", ends_at=now)
    charge_rows.cdr(partner.party, ours, now, verdict="DIFFERS", delta=Decimal("1.20"))
    charge_rows.cdr(partner.party, ours, now, verdict="AGREED")
    charge_rows.cdr(ours, partner.party, now, state="HELD")
    charge_rows.decision(now, party=ours)
    silent = {"allowed": "NOT_ALLOWED", "how": "NONE", "reason_code": "SILENT"}
    charge_rows.decision(now, party=ours, connection=partner.connection, **silent)


def test_charts_are_drawn_follow_the_theme_and_keep_their_open_table(staff: Callable[..., Any], charges: None) -> None:
    window = staff()
    window.page.route("**/admin/", _often)
    page = window.open("/admin/")
    inked = """key => {
        const canvas = document.querySelector(`#panel-${key}`).parentElement.querySelector('canvas');
        const dots = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(new Uint32Array(dots.buffer)).size;
    }"""
    assert page.evaluate(inked, "authorizations") > 20
    before = page.evaluate("document.querySelector('#panel-live').parentElement.querySelector('canvas').toDataURL()")
    page.evaluate("document.documentElement.classList.add('dark')")
    page.wait_for_function(
        "was => document.querySelector('#panel-live').parentElement.querySelector('canvas').toDataURL() !== was",
        arg=before,
    )
    fold = page.locator("#table-authorizations summary")
    fold.focus()
    page.keyboard.press("Enter")
    assert page.locator("#table-authorizations tbody tr").count() == 24
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.querySelector('#table-authorizations').dataset.mark = 'old'")
    page.locator("#table-authorizations:not([data-mark])").wait_for()
    assert page.locator("#table-authorizations").get_attribute("open") is not None
    assert page.evaluate(inked, "authorizations") > 20
    page.unroute_all(behavior="ignoreErrors")  # it goes on renewing itself while the window closes


def _often(route: Any) -> None:
    """The page as it is, but for how often it renews itself."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('data-refresh="30"', 'data-refresh="2"'))


def test_the_keyboard_leads_from_what_waits_to_its_list(staff: Callable[..., Any], charges: None) -> None:
    page = staff().open("/admin/?order=money")
    page.get_by_role("link", name="1 CDR of ours for SE-ELV is held").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "tab=held" in page.url
