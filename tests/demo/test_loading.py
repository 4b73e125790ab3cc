"""Loading the demo world: once, as staff would have entered it, and never beside real data."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.demo.actions.loading import UnableToLoad, load
from backoffice.demo.world.companies import HOME, PARTNER
from backoffice.locations.actions.changing import set_status
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.supervisor.data_directory import DataDirectory
from backoffice.supervisor.prepare import refuse_the_demo
from backoffice.supervisor.process import UnableToPrepare
from backoffice.tokens.models import Token
from backoffice.tokens.rules.changing import faults, remarks
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire import tokens as wire_tokens
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_the_company_is_ours_with_both_roles_and_all_its_locations() -> None:
    assert load(HOME, seed=7, now=NOW) == 60
    party = Party.objects.get()
    assert (str(party), party.ours, sorted(role.role for role in party.roles.all())) == (
        "DE-RDK",
        True,
        ["CPO", "EMSP", "PTP"],
    )
    assert (Location.objects.count(), Evse.objects.count()) == (60, 200)


def test_what_the_gate_stops_is_not_shared() -> None:
    load(HOME, seed=7, now=NOW)
    assert sorted(Location.objects.filter(shared=False).values_list("city", flat=True)) == ["Leipzig", "York"]


def test_a_second_load_touches_nothing() -> None:
    load(HOME, seed=7, now=NOW)
    location = Location.objects.get(object_id="RDK-0001")
    set_status(location, "RDK-0001-1", "OUTOFORDER", source="staff", now=NOW)
    before = set(Evse.objects.values_list("pk", "status", "document"))
    assert load(HOME, seed=8, now=NOW + timedelta(days=1)) is None
    assert set(Evse.objects.values_list("pk", "status", "document")) == before


def test_it_goes_beside_the_other_half_of_the_demo() -> None:
    load(PARTNER, seed=7, now=NOW)
    Party.objects.update(ours=False)
    Location.objects.all().delete()
    assert load(HOME, seed=7, now=NOW) == 60


def test_a_company_that_is_not_of_the_demo_refuses_it() -> None:
    factories.own_party("NL-TNM", name="The Real Company")
    with pytest.raises(UnableToLoad, match="NL-TNM  The Real Company, which is not of the demo"):
        load(HOME, seed=7, now=NOW)
    assert not Location.objects.exists()
    assert not Party.objects.filter(party_id="RDK").exists()


def test_a_partner_that_is_not_of_the_demo_refuses_it() -> None:
    factories.partner("NL-TNM:EMSP", ours=[factories.own_party("DE-RDK")])
    with pytest.raises(UnableToLoad, match="NL-TNM"):
        load(HOME, seed=7, now=NOW)


def test_locations_that_are_there_refuse_it() -> None:
    load(PARTNER, seed=7, now=NOW)
    with pytest.raises(UnableToLoad, match="holds locations already"):
        load(HOME, seed=7, now=NOW)


def test_the_command_loads_the_side_that_it_is_told_and_explains_a_refusal() -> None:
    said = StringIO()
    call_command("load_demo", side="partner", stdout=said)
    call_command("load_demo", side="partner", stdout=said)
    assert said.getvalue().splitlines() == [
        "40 locations of Vallgrind Mobility.",
        "The demo of Vallgrind Mobility is here already.",
    ]
    with pytest.raises(CommandError, match="an empty platform"):
        call_command("load_demo", side="home")


def test_a_platform_that_was_started_for_real_data_refuses_it_even_empty(settings: Any) -> None:
    settings.PLATFORM = {"demo": False}
    with pytest.raises(CommandError, match="started for real data"):
        call_command("load_demo")
    assert not Party.objects.exists()


def test_a_real_company_with_locations_and_a_loaded_demo_go_on_as_they_are() -> None:
    """A platform that was a demo first and got more since still starts: nothing would be loaded."""
    load(HOME, seed=7, now=NOW)
    tree = factories.small_location("REAL", "NL-TNM")
    party = factories.own_party("NL-TNM")
    store(party.pk, [(tree, wire_json.validate(wire.Location, tree))], source="import", now=NOW, ours=True)
    assert load(HOME, seed=7, now=NOW) is None


def test_a_database_with_the_demo_is_not_started_for_real_data(tmp_path: Path) -> None:
    """Whatever its folder remembers: the database says what is in it, and the folder knows it from then on."""
    data = DataDirectory(tmp_path)
    factories.own_party("DE-RDK", name="A real company of that code")
    refuse_the_demo(data)
    Party.objects.all().delete()
    load(HOME, seed=7, now=NOW)
    with pytest.raises(UnableToPrepare, match="holds the demo world"):
        refuse_the_demo(data)
    assert data.platform()["demo"] is True


def test_its_drivers_hold_tokens_of_every_kind_and_some_are_held() -> None:
    load(HOME, seed=7, now=NOW)
    kinds = Counter(Token.objects.values_list("type", flat=True))
    assert kinds == {"RFID": 46, "APP_USER": 12, "AD_HOC_USER": 3, "EMAID": 1, "OTHER": 1}
    assert set(Token.objects.values_list("whitelist", flat=True)) == {"ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"}
    held = Token.objects.exclude(hold="NONE")
    assert sorted(held.values_list("held_for", "hold")) == [
        ("ENDED", "EXPIRED"),
        ("LOST", "BLOCKED"),
        ("NO_ROAMING", "NOT_ALLOWED"),
        ("STOLEN", "BLOCKED"),
        ("UNPAID", "NO_CREDIT"),
    ]
    assert not held.filter(valid=True).exists()
    for token in Token.objects.select_related("party"):
        value = wire_json.validate(wire_tokens.Token, token.tree())
        assert list(faults(value)) == []
        assert list(remarks(value, only_in=token.only_in)) == []
    assert Token.objects.get(only_in=["DEU"]).whitelist == "NEVER"
    before = set(Token.objects.values_list("pk", "document"))
    load(HOME, seed=8, now=NOW + timedelta(days=1))
    assert set(Token.objects.values_list("pk", "document")) == before


def test_a_world_of_before_there_were_tokens_gets_them_at_its_next_start() -> None:
    load(HOME, seed=7, now=NOW)
    Token.objects.all().delete()
    assert load(HOME, seed=7, now=NOW) is None
    assert Token.objects.count() == 63
