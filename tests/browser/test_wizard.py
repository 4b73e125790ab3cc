"""Meeting a partner in a browser, both ways round, with the steps live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
