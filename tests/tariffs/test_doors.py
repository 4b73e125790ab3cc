"""Tariffs between partners: what they push and pull, every version kept, and who may see what (mod_tariffs)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from backoffice.delivery.actions import draining, pulling
from backoffice.delivery.models import Message, Pull
from backoffice.locations.actions import offering
from backoffice.locations.models import ConnectorTariff, Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import disclosing
from backoffice.tariffs.actions.drafting import UnableToChange
from backoffice.tariffs.actions.storing import TABLE, version_at
from backoffice.tariffs.models import Tariff, TariffVersion
from ocpi.wire import json as wire_json
from ocpi.wire import tariffs as wire
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_tariff
from tests.meeting import registered
from tests.peer import ScriptedPeer

DOOR = "{version}/receiver/tariffs/SE/ELV/{id}"
AT, LATER, BEFORE = "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z", "2026-02-01T08:00:00Z"


@pytest.fixture
def partner(db: None) -> Partner:
    return factories.partner()


@pytest.fixture
def asking(partner: Partner) -> Asking:
    asking = Asking(partner.token)
    asking.get("versions")  # the first use of a token is noted; that is no change by the request tested
    return asking


def door(identity: str = "T1", version: str = "2.3.0") -> str:
    return DOOR.format(version=version, id=identity)


def dearer(at: str) -> dict[str, Any]:
    """T1 at another price."""
    tree = small_tariff("T1", at=at)
    tree["elements"][0]["price_components"][0]["price"] = Decimal("0.55")
    return tree


# --- what partners push -----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-329", "T-333")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_put_and_get_of_every_field(version: str, asking: Asking) -> None:
    whole = small_tariff(
        "T1",
        type="PROFILE_GREEN",
        tariff_alt_text=[{"language": "sv", "text": "Elbil"}],
        tariff_alt_url="https://elv.example/t1",
        start_date_time="2026-01-01T00:00:00Z",
        end_date_time="2027-01-01T00:00:00Z",
        energy_mix={"is_green_energy": True, "supplier_name": "Vind"},
        x_kept=[1, {"a": Decimal("1.10")}],
    )
    if version == "2.3.0":
        whole |= {
            "min_price": {"before_taxes": Decimal("0.50"), "after_taxes": Decimal("0.60")},
            "max_price": {"before_taxes": 40},
            "preauthorize_amount": 50,
        }
    else:
        whole |= {
            "min_price": {"excl_vat": Decimal("0.50"), "incl_vat": Decimal("0.60")},
            "max_price": {"excl_vat": 40},
        }
        del whole["tax_included"]
    assert asking.put(door(version=version), whole).says == (201, 1000)
    assert asking.put(door(version=version), whole).says == (200, 1000)
    assert asking.get(door(version=version)).data == whole


@pytest.mark.rule("T-333")
def test_what_is_addressed_without_regard_to_case(asking: Asking) -> None:
    asking.put(door("T1"), small_tariff("T1"))
    assert asking.get(door("t1")).data["id"] == "T1"
    assert asking.put(door("t1"), small_tariff("t1", at=LATER)).says == (200, 1000)
    assert Tariff.objects.get().object_id == "t1"


@pytest.mark.rule("T-334")
@pytest.mark.parametrize("wrong", [{"country_code": "NO"}, {"party_id": "XXX"}, {"id": "T2"}])
def test_the_path_and_the_body_name_the_same_tariff(wrong: dict[str, str], asking: Asking) -> None:
    before = snapshot()
    assert asking.put(door(), small_tariff("T1") | wrong).says == (200, 2001)
    assert snapshot() == before


def test_an_older_one_changes_nothing(asking: Asking) -> None:
    asking.put(door(), small_tariff("T1", at=LATER))
    assert asking.put(door(), dearer(BEFORE)).says == (200, 1000)
    assert asking.get(door()).data == small_tariff("T1", at=LATER)
    assert TariffVersion.objects.count() == 1


@pytest.mark.rule("T-330")
def test_a_deleted_one_is_served_to_nobody_and_still_here_for_what_was_charged_by_it(asking: Asking) -> None:
    asking.put(door(), small_tariff("T1"))
    assert asking.ask("DELETE", door()).says == (200, 1000)
    assert asking.get(door()).status == 404
    assert asking.ask("DELETE", door()).status == 404
    assert Tariff.objects.get().withdrawn_at is not None
    assert TariffVersion.objects.get().tree() == small_tariff("T1")
    assert asking.put(door(), small_tariff("T1")).says == (200, 1000)  # the owner was wrong to delete it
    assert asking.get(door()).data == small_tariff("T1")


def test_a_foreign_party_owns_nothing_here(asking: Asking) -> None:
    before = snapshot()
    for path in ("2.3.0/receiver/tariffs/NO/FRM/T1", "2.3.0/receiver/tariffs/DE/RDK/T1"):
        assert asking.put(path, small_tariff("T1", path[-9:-3].replace("/", "-"))).status == 404
        assert asking.ask("DELETE", path).status == 404
    assert snapshot() == before


HOSTILE: list[dict[str, Any]] = [
    {"elements": []},
    {"elements": [{"price_components": []}]},
    {"elements": [{"price_components": [{"type": "ENERGY", "price": "0.45", "step_size": 1}]}]},
    {"elements": [{"price_components": [{"type": "SOLAR", "price": 1, "step_size": 1}]}]},
    {"currency": "EURO"},
    {"tax_included": "MAYBE"},
    {"tax_included": None},
    {"start_date_time": "yesterday"},
    {"min_price": {"after_taxes": 1}},
    {"id": "x" * 37},
    {
        "elements": [
            {
                "price_components": [{"type": "TIME", "price": 1, "step_size": 1}],
                "restrictions": {"start_time": "25:00"},
            }
        ]
    },
]


@pytest.mark.parametrize("wrong", HOSTILE)
def test_what_is_no_tariff_changes_nothing(wrong: dict[str, Any], asking: Asking) -> None:
    before = snapshot()
    assert asking.put(door(), small_tariff("T1") | wrong).says == (200, 2001)
    assert snapshot() == before


FLAT = {"price_components": [{"type": "FLAT", "price": 1, "step_size": 1}]}
EXTREME: list[dict[str, Any]] = [
    {"elements": [{"price_components": [{"type": "ENERGY", "price": Decimal("1e15"), "step_size": 2**40}]}]},
    {"elements": [{"price_components": [{"type": "TIME", "price": -1, "step_size": 0}]}] * 300},
    {"currency": "???"},
    {
        "elements": [
            {
                "price_components": [{"type": "FLAT", "price": 1, "step_size": 1}],
                "restrictions": {"start_date": "2026-02-31"},
            }
        ]
    },
    {
        "elements": [
            {
                "price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}],
                "restrictions": {"min_kwh": Decimal("1e17"), "max_duration": -5},
            }
        ]
    },
    {"tariff_alt_text": [{"language": "en", "text": "<script>alert(1)</script>"}]},
]


@pytest.mark.parametrize("odd", EXTREME)
def test_what_is_odd_and_valid_is_kept_as_it_is(odd: dict[str, Any], asking: Asking) -> None:
    assert asking.put(door(), small_tariff("T1") | odd).says == (201, 1000)
    assert asking.get(door()).data == small_tariff("T1") | odd


# --- versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-346")
def test_every_version_is_kept_and_the_one_of_a_moment_is_found(asking: Asking) -> None:
    asking.put(door(), small_tariff("T1", at=AT))
    asking.put(door(), dearer(LATER))
    asking.put(door(), dearer(LATER))
    tariff = Tariff.objects.get()
    assert [version.number for version in tariff.versions.all()] == [2, 1]
    moments = {
        datetime(2026, 1, 1, tzinfo=UTC): 1,
        datetime(2026, 3, 1, 9, tzinfo=UTC): 1,
        datetime(2026, 3, 2, 8, tzinfo=UTC): 2,
    }
    assert {moment: version_at(tariff, moment).number for moment in moments} == moments
    assert version_at(tariff, datetime(2026, 3, 1, 9, tzinfo=UTC)).tree() == small_tariff("T1", at=AT)


def test_the_columns_follow_from_the_document(asking: Asking) -> None:
    asking.put(door(), small_tariff("T1", type="REGULAR", start_date_time="2026-05-01T00:00:00Z"))
    asking.put(door("T2"), small_tariff("T2", currency="XXX"))
    for row in Tariff.objects.all():
        value = wire_json.validate(wire.Tariff, row.tree())
        assert tuple(getattr(row, name) for name in TABLE.columns.types) == TABLE.columns.of(value)
    assert Tariff.objects.get(object_id="T2").flaw == "It names no currency."


# --- what partners pull -----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-332")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_the_list_is_all_that_the_sender_serves(version: str, asking: Asking) -> None:
    for number in range(5):
        factories.own_tariff(small_tariff(f"T{number}", "DE-RDK"))
    first = asking.get(f"{version}/sender/tariffs?limit=3")
    assert [tariff["id"] for tariff in first.data] == ["T0", "T1", "T2"]
    assert (first.headers["X-Total-Count"], first.headers["X-Limit"]) == ("5", "100")
    second = asking.get(first.headers["Link"].split(">")[0].lstrip("<"))
    assert [tariff["id"] for tariff in second.data] == ["T3", "T4"]
    assert asking.get(f"{version}/sender/tariffs/T1").status == 404


def test_a_tariff_is_listed_to_those_who_may_see_it(partner: Partner, asking: Asking) -> None:
    other = factories.partner("NO-FRM:EMSP", ours=[Party.objects.get(ours=True)])
    tariff = factories.own_tariff(small_tariff("T1", "DE-RDK"))
    factories.own_tariff(small_tariff("T2", "DE-RDK"))

    def seen(by: Partner) -> list[str]:
        return [each["id"] for each in Asking(by.token).get("2.3.0/sender/tariffs").data]

    assert seen(partner) == seen(other) == ["T1", "T2"]
    disclosing.disclose(tariff, [other.connection.pk], now=site.now())
    assert (seen(partner), seen(other)) == (["T2"], ["T1", "T2"])
    disclosing.disclose(tariff, None, now=site.now())
    assert seen(partner) == ["T1", "T2"]
    disclosing.withdraw(tariff, now=site.now())
    assert seen(partner) == seen(other) == ["T2"]
    with pytest.raises(UnableToChange, match="withdrawn already"):
        disclosing.withdraw(tariff, now=site.now())


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_connector_names_no_tariff_that_a_partner_must_not_see(
    version: str, partner: Partner, asking: Asking
) -> None:
    location = factories.small_location("L1", "DE-RDK")
    location["evses"][0]["connectors"][0]["tariff_ids"] = ["T1", "t2"]
    factories.own_location(location)
    tariff = factories.own_tariff(small_tariff("T2", "DE-RDK"))

    def offered(tree: Any) -> Any:
        return tree["evses"][0]["connectors"][0].get("tariff_ids")

    paths = (f"{version}/sender/locations", f"{version}/sender/locations/L1")
    for expected, connections in ((["T1", "t2"], None), (["T1"], []), (["T1", "t2"], [partner.connection.pk])):
        disclosing.disclose(tariff, connections, now=site.now())
        listed, single = (asking.get(path).data for path in paths)
        assert offered(listed[0]) == offered(single) == expected
    only = factories.own_tariff(small_tariff("T1", "DE-RDK"))
    for each in (only, tariff):
        disclosing.disclose(each, [], now=site.now())
    assert offered(asking.get(paths[0]).data[0]) is None


# --- which connector offers it ----------------------------------------------------------------------------------------


def test_the_offers_follow_from_the_connectors_and_change_in_bulk(partner: Partner) -> None:
    party = Party.objects.get(ours=True)
    for name in ("L1", "L2"):
        factories.own_location(factories.small_location(name, "DE-RDK"))
    evses = list(Evse.objects.values_list("pk", flat=True))
    assert offering.assign(evses, add=["T1", "T2"], remove=[], now=site.now()) == 2
    assert offering.assign(evses, add=["t1"], remove=["T9"], now=site.now()) == 0
    assert ConnectorTariff.objects.filter(tariff_id="T1").count() == 2
    assert offering.carry_too(party.pk, "T2", "T3", now=site.now()) == 2
    assert offering.assign(evses[:1], add=[], remove=["T1"], now=site.now()) == 1
    assert [each.document.count('"T3"') for each in Evse.objects.all()] == [1, 1]
    assert sorted(ConnectorTariff.objects.values_list("evse_id", "tariff_id")) == sorted(
        (evse, tariff) for evse in evses for tariff in ("T1", "T2", "T3") if (evse, tariff) != (evses[0], "T1")
    )
    assert offering.carrying(party.pk, "t2") == evses
    assert offering.drop(party.pk, "T2", now=site.now()) == 2
    assert not ConnectorTariff.objects.filter(tariff_id="T2").exists()


def test_the_offers_of_a_received_evse_follow_each_push(asking: Asking) -> None:
    location = factories.small_location("L1")
    location["evses"][0]["connectors"][0]["tariff_ids"] = ["T1"]
    path = "2.3.0/receiver/locations/SE/ELV/L1"
    asking.put(path, location)

    def offered() -> list[str]:
        return sorted(ConnectorTariff.objects.values_list("tariff_id", flat=True))

    assert offered() == ["T1"]
    assert asking.ask("PATCH", f"{path}/E1/1", {"tariff_ids": ["T2", "T3"], "last_updated": LATER}).says == (200, 1000)
    assert offered() == ["T2", "T3"]
    assert asking.ask("PATCH", f"{path}/E1", {"status": "BLOCKED", "last_updated": "2026-03-03T08:00:00Z"}).says == (
        200,
        1000,
    )
    assert offered() == ["T2", "T3"]
    connector = location["evses"][0]["connectors"][0] | {"last_updated": "2026-03-04T08:00:00Z", "tariff_ids": []}
    assert asking.put(f"{path}/E1/1", connector).says == (200, 1000)
    assert offered() == []


# --- what partners are told, over HTTP to the scripted peer -----------------------------------------------------------


@pytest.mark.rule("T-329", "T-330")
def test_new_changed_hidden_and_withdrawn_tariffs_are_told(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    tariff = factories.own_tariff(small_tariff("T1", "DE-RDK"))
    factories.own_tariff(dearer(LATER) | {"country_code": "DE", "party_id": "RDK"})

    def drained() -> list[tuple[str, str]]:
        peer.received.clear()
        draining.drain(connection.pk)
        return [(request.method, request.path.split("/receiver/")[1]) for request in peer.pushed(module="tariffs")]

    assert drained() == [("PUT", "tariffs/DE/RDK/T1")]  # two changes, the newest state once
    disclosing.disclose(tariff, [], now=site.now())
    assert drained() == [("DELETE", "tariffs/DE/RDK/T1")]
    disclosing.disclose(tariff, None, now=site.now())
    assert drained() == [("PUT", "tariffs/DE/RDK/T1")]
    disclosing.withdraw(Tariff.objects.get(), now=site.now())
    assert drained() == [("DELETE", "tariffs/DE/RDK/T1")]
    assert set(Message.objects.values_list("state", flat=True)) == {"DONE"}


@pytest.mark.rule("T-331")
def test_a_full_list_replaces_what_was_known(platform: Party, peer: ScriptedPeer) -> None:
    peer.role = "CPO"
    owner = f"{peer.country_code}-{peer.party_id}"
    trees = [small_tariff(f"T{number}", owner) for number in range(3)]
    peer.objects["tariffs"] = [wire_json.encode(tree) for tree in trees]
    connection = registered(peer)

    def pull() -> Pull:
        started = pulling.start(connection, "tariffs", full=True, now=site.now())
        pulling.run(started.pk)
        return Pull.objects.get(pk=started.pk)

    assert (pull().state, Tariff.objects.count()) == ("DONE", 3)
    peer.objects["tariffs"] = [wire_json.encode(tree) for tree in trees[:2]]
    assert pull().vanished == 1
    assert list(Tariff.objects.filter(withdrawn_at=None).values_list("object_id", flat=True)) == ["T0", "T1"]
    peer.objects["tariffs"] = [wire_json.encode(tree) for tree in trees]
    pull()
    assert Tariff.objects.filter(withdrawn_at=None).count() == 3
