"""The screens of APIs in a browser: no serious barrier, whole at 360 pixels in the dark, and the key that is shown once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backoffice.api.actions import webhooks
from backoffice.api.models import WebhookDelivery
from backoffice.roaming_site import site
from tests import factories
from tests.browser.test_console import AXE
from tests.charge_points.station_cast import caller, system


@pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed: make install-dev")
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_no_screen_of_apis_has_a_serious_barrier_or_spills_over(
    theme: str, width: int, staff: Callable[..., Any]
) -> None:
    assert AXE is not None
    made = system(factories.own_party())
    webhooks.add_endpoint(application=made.application, url="https://depot.example/roamdesk/hook", now=site.now())
    webhooks.tell(application=made.pk, event="order.waiting", data={"order": "x" * 32}, about="x" * 32, now=site.now())
    caller(made)("POST", "/statuses", {"evse_id": "DE*RDK*NOWHERE", "status": "AVAILABLE"})
    window = staff(width=width, theme=theme)
    one = f"/admin/api/application/{made.pk}/"
    barriers: list[str] = []
    for screen in (
        "/admin/api/application/",
        "/admin/api/application/add/",
        f"{one}change/",
        f"{one}key/",
        f"{one}webhook/",
        f"{one}locations/",
        "/admin/api/webhookdelivery/",
        f"/admin/api/webhookdelivery/{WebhookDelivery.objects.get().pk}/change/",
        "/admin/api/apicall/",
        "/admin/api/apicall/?q=nothing-like-this",
    ):
        page = window.open(screen)
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, screen
        if page.evaluate("document.documentElement.scrollWidth") > width:
            barriers.append(f"{screen} is wider than the window")
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        barriers += [
            f"{screen} {each['id']}: {each['help']} {each['nodes'][0]['target']}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
    assert barriers == []
