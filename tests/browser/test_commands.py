"""The console of commands in a browser, by keyboard alone: why it would fail, what is sent, both answers on one timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backoffice.commands.models import Command
from backoffice.delivery.actions import running
from backoffice.delivery.models import Errand
from backoffice.partners.models import Party
from tests import factories
from tests.commands.test_sending import YES, Abroad
from tests.meeting import peer, reachable
from tests.peer import ScriptedPeer
from tests.sessions.conftest import us

__all__ = ["peer", "reachable", "us"]

FOCUSED = "() => (document.activeElement.labels?.[0]?.innerText || document.activeElement.innerText || '').trim()"


def tab_to(page: Any, name: str) -> None:
    """As somebody without a mouse gets there."""
    seen = []
    for _ in range(120):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found.startswith(name):
            return
        seen.append(found[:30])
    pytest.fail(f"no way to {name!r} by Tab: {seen}")


def typed(page: Any, name: str, text: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_staff_start_a_charge_at_a_partner_by_keyboard(
    staff: Callable[..., Any], us: Party, reachable: None, peer: ScriptedPeer
) -> None:
    abroad = Abroad(peer, "2.3.0")
    tree = factories.small_location("FAR2", "NL-TNM")
    (bare,) = tree["evses"]
    tree["evses"] = [
        bare | {"uid": "E2", "evse_id": "NL*TNM*E2"},
        bare | {"uid": "E3", "evse_id": "NL*TNM*E3", "capabilities": ["RFID_READER"]},
    ]
    abroad.stored(tree)
    abroad.script(YES)
    factories.own_token(factories.small_token("APP-7", "DE-RDK", type="APP_USER", contract_id="DE-RDK-C1"))
    page = staff().open("/admin/commands/command/new/?kind=START_SESSION")

    typed(page, "Card", "DE-RDK-C1")
    typed(page, "EVSE", "NL*TNM*E3")
    page.keyboard.press("Enter")
    page.get_by_text("cannot be started and stopped from afar").wait_for()
    assert page.get_by_role("button", name="Send it").is_disabled(), "and it is not sent"
    assert not Command.objects.exists()

    typed(page, "EVSE", "NL*TNM*E2")
    page.keyboard.press("Enter")
    page.get_by_text("Nothing speaks against it.").wait_for()
    tab_to(page, "Send it")
    page.keyboard.press("Enter")
    page.get_by_text("It is on its way").wait_for()
    timeline = page.get_by_role("region", name="Timeline").get_by_role("rowheader")
    assert timeline.all_inner_texts() == ["Queued"]

    running.run(Errand.objects.get().pk)
    command = Command.objects.get()
    page.get_by_text("Waiting").first.wait_for()
    assert abroad.result(command).says == (200, 1000)
    page.get_by_text("The charge point did it.").first.wait_for()
    assert timeline.all_inner_texts() == ["Queued", "Accept", "Succeed"], "it renewed itself"
