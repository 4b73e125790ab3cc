"""What drivers and the helpdesk of the demo want from afar: drawn of what is possible, asked by the verbs that everybody uses."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from backoffice.commands.models import Command
from backoffice.demo.rules.afar import WEIGHTS, Deed, draw, pause, slower
from backoffice.demo.simulator.afar import FromAfar
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ChargingProfile
from tests import factories
from tests.commands import cast
from tests.commands.conftest import evse, us

__all__ = ["evse", "us"]


def test_only_what_is_possible_is_drawn_and_all_of_it() -> None:
    chance = random.Random(1)
    assert draw([], chance) is None
    drawn = Counter(draw(list(Deed), chance) for _ in range(2_000))
    assert set(drawn) == set(WEIGHTS) == set(Deed)
    assert {draw([Deed.STOP, Deed.UNLOCK], chance) for _ in range(200)} == {Deed.STOP, Deed.UNLOCK}
    assert all(3.6 <= pause(12, chance) <= 20.4 for _ in range(200))


def test_a_car_is_slowed_by_a_profile_that_is_one() -> None:
    for seed in range(20):
        profile = slower(16, random.Random(seed))
        assert wire_json.validate(ChargingProfile, profile)
        first, last = profile["charging_profile_period"]
        assert 6 <= first["limit"] < last["limit"] == 16


@pytest.fixture
def afar(db: None) -> FromAfar:
    return FromAfar(site.now, chance=random.Random(3), every=0)


@pytest.fixture
def card(us: Party) -> Token:
    return factories.own_token(factories.small_token("04A1B2C3D4", "DE-RDK"))


def do(afar: FromAfar, deed: Deed) -> Command:
    done = afar.ready(deed, site.now())
    assert done is not None, deed
    done(site.now())
    return Command.objects.latest("pk")


def test_in_an_empty_world_nothing_is_possible(afar: FromAfar) -> None:
    assert [deed for deed in Deed if afar.ready(deed, site.now())] == []
    afar.act(lambda told: False)
    assert not Command.objects.exists()


def test_a_driver_starts_and_stops_with_an_app(afar: FromAfar, evse: Evse, card: Token) -> None:
    row = do(afar, Deed.START)
    assert (row.kind, row.state, row.by_driver, row.point) == ("START_SESSION", "EXECUTING", True, evse)
    cast.plug_in(evse, cast.obey(evse).authorization_id)  # type: ignore[union-attr]  # it is a Start
    assert afar.ready(Deed.START, site.now()) is None, "the only card charges already"
    assert do(afar, Deed.STOP).kind == "STOP_SESSION"


def test_a_driver_reserves_and_cancels_once(afar: FromAfar, evse: Evse, card: Token) -> None:
    row = do(afar, Deed.RESERVE)
    assert row.expires_at is not None and row.expires_at - row.created_at <= timedelta(minutes=5)
    cast.obey(evse)
    assert do(afar, Deed.CANCEL).kind == "CANCEL_RESERVATION"
    assert afar.ready(Deed.CANCEL, site.now()) is None


def test_what_is_refused_is_no_accident(afar: FromAfar, us: Party, card: Token) -> None:
    cast.point(driven=False)
    done = afar.ready(Deed.START, site.now())
    assert done is not None
    afar.try_(done, site.now())
    assert not Command.objects.filter(state="EXECUTING").exists()
