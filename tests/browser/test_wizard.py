"""Meeting a partner in a browser, both ways round, with the steps live; and the roaming screens without barriers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.test_console import AXE
from tests.meeting import peer, platform, reachable, registered
from tests.peer import ScriptedPeer
from tests.peer.platform import TOKEN_A

__all__ = ["peer", "platform", "reachable"]

LOCATION = (
    b'{"country_code": "NL", "party_id": "TNM", "id": "LOC1", "publish": "yes", "last_updated": "2026-01-01T00:00:00Z"}'
)


def test_a_partner_who_gave_us_a_token_is_met_in_a_few_clicks(
    staff: Callable[..., Any], platform: Any, peer: ScriptedPeer
) -> None:
    page = staff().open("/admin/partners/connection/")
    page.get_by_role("link", name="New connection").click()
    page.get_by_role("link", name="Yes: enter URL and token").click()
    page.get_by_label("Versions URL").fill(peer.versions_url)
    page.get_by_label("Token", exact=True).fill("mistyped")
    page.get_by_label("Name").fill("The New Motion")
    page.get_by_role("button", name="Test").click()
    page.get_by_text("Nothing was changed. The step that failed says why.").wait_for()
    assert page.get_by_text("try it without Base64").is_visible()

    page.get_by_label("Token", exact=True).fill(TOKEN_A)
    page.get_by_role("button", name="Test again").click()
    page.get_by_role("button", name="Register now").click()
    page.get_by_role("link", name="Go on to the first sync").click()
    assert page.get_by_role("heading", name="locations").is_visible()
    assert page.get_by_text("Active").first.is_visible()
    assert peer.token_for_other is not None


def test_an_invitation_turns_green_when_their_call_arrives(
    staff: Callable[..., Any], platform: Any, peer: ScriptedPeer
) -> None:
    from backoffice.roaming_site import site

    window = staff()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=window.server)
    page = window.open("/admin/partners/connection/add/")
    page.get_by_role("link", name="No: make an invitation").click()
    page.get_by_label("Name").fill("The New Motion")
    page.get_by_role("button", name="Make the invitation").click()
    page.get_by_text("Waiting for their call").wait_for()
    page.get_by_role("button", name="Copy as e-mail").click()
    mail = page.evaluate("navigator.clipboard.readText()")
    token = mail.split("CREDENTIALS_TOKEN_A: ")[1].split()[0]
    assert site.versions_url() in mail

    assert peer.register_at(site.versions_url(), token).status == 200
    page.get_by_text("Their call arrived").wait_for()
    assert page.get_by_text(token).first.is_visible(), "the token stays on the page that showed it"
    page.reload()
    page.wait_for_load_state()
    assert token not in page.content()


def test_a_check_shows_its_report_where_it_was_asked_for(staff: Callable[..., Any], platform: Any) -> None:
    with ScriptedPeer(role="CPO", objects={"locations": [LOCATION]}) as cpo:
        connection = registered(cpo)
        page = staff().open(f"/admin/partners/connection/{connection.pk}/change/")
        page.get_by_role("button", name="Check this partner").click()
        page.get_by_text("deviations in locations").wait_for()
        assert page.get_by_role("rowheader", name="publish").is_visible()


@pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed: make install-dev")
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_no_roaming_screen_has_a_serious_barrier_or_spills_over(
    theme: str, width: int, staff: Callable[..., Any], platform: Any
) -> None:
    from tests.partners.test_admin_permissions import World

    assert AXE is not None
    world = World()
    pk = world.partner.connection.pk
    connection = f"/admin/partners/connection/{pk}"
    screens = [
        "/admin/partners/connection/add/",
        "/admin/partners/connection/add/?way=theirs",
        "/admin/partners/connection/add/?way=ours",
        *(
            f"{connection}/change/?tab={tab}"
            for tab in ("overview", "endpoints", "sync", "messages", "quirks", "history")
        ),
        f"{connection}/do/unregister/",
        f"{connection}/do/approve/?role={world.role.pk}",
        f"{connection}/live/check/",
        "/admin/partners/party/",
        "/admin/partners/party/add/",
        f"/admin/partners/party/{world.own.pk}/change/",
        "/admin/partners/partyrole/",
        "/admin/delivery/exchange/?preset=errors",
        "/admin/delivery/exchange/?correlation=c",
        f"/admin/delivery/exchange/{world.exchange.pk}/change/",
        "/admin/delivery/message/?state=DONE",
        f"/admin/delivery/message/{world.message.pk}/change/",
        f"/admin/delivery/message/drop/?pk={world.message.pk}",
        "/admin/delivery/message/recover/",
        "/admin/delivery/pull/",
        f"/admin/delivery/pull/{world.pull.pk}/change/",
    ]
    window = staff(width=width, theme=theme)
    barriers: list[str] = []
    for screen in screens:
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
