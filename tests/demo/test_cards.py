"""The cards of the demo's drivers: each is shown in one network alone, and its company knows it."""

from datetime import UTC, datetime

from backoffice.demo.actions.loading import SEED
from backoffice.demo.rules.drivers import Group, abroad
from backoffice.demo.simulator.cards import cards
from backoffice.demo.world.companies import HOME, PARTNER
from backoffice.demo.world.drivers import drivers

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
WORLDS = {company.side: drivers(company, seed=SEED, at=NOW) for company in (HOME, PARTNER)}


def uids(side: str, group: Group) -> set[str]:
    return {card.uid for card in cards(side, seed=SEED)[group]}


def test_the_good_cards_are_shared_out_between_the_networks() -> None:
    for company in (HOME, PARTNER):
        world = WORLDS[company.side]
        good = {tree["uid"] for tree in world.tokens if tree["type"] == "RFID"} - {*world.held, *world.only_in}
        third = {uid for uid in good if abroad(uid)}
        assert len(third) >= 2
        at_home, away = (
            uids(side, Group.OWN if side == company.side else Group.ROAMING) for side in ("home", "partner")
        )
        assert at_home | away == good - third
        assert not at_home & away
        assert abs(len(at_home) - len(away)) <= 1
        assert len(at_home) > 12  # enough for all who charge at once


def test_cards_that_may_not_be_used_are_shown_in_both() -> None:
    held = {uid for world in WORLDS.values() for uid in (*world.held, *world.only_in)}
    assert uids("home", Group.HELD) == uids("partner", Group.HELD) == held


def test_only_one_side_knows_the_silent_company() -> None:
    assert len(uids("home", Group.SILENT)) == 3
    assert uids("partner", Group.SILENT) == set()
