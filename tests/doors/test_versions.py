"""The versions module: what we list, for whom (version_information_endpoint)."""

from __future__ import annotations

import pytest

from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking
from tests.spec import facts

IDENTIFIERS = {entry["identifier"] for entry in facts("endpoints")} - {""}
INTERFACES = {(entry["identifier"], entry["interface"]) for entry in facts("endpoints")}


@pytest.mark.rule("T-141", "T-151")
def test_the_list_of_versions(asking: Asking) -> None:
    listed = asking.get("versions").data
    assert {"2.3.0", "2.2.1"} == {entry["version"] for entry in listed}
    assert all(set(entry) == {"version", "url"} for entry in listed)
    assert all(entry["url"].startswith(("http://", "https://")) for entry in listed)


@pytest.mark.rule("T-096", "T-142", "T-143", "T-145", "T-147", "T-149")
def test_each_version_has_details_and_each_endpoint_is_there(asking: Asking) -> None:
    for entry in asking.get("versions").data:
        details = asking.get(entry["url"]).data
        assert details["version"] == entry["version"]
        assert details["endpoints"]
        for endpoint in details["endpoints"]:
            assert set(endpoint) == {"identifier", "role", "url"}
            assert endpoint["identifier"] in IDENTIFIERS
            assert entry["version"] in endpoint["url"]
            answered = asking.get(endpoint["url"])
            # at its root a receiver interface has nothing, or takes POST only; the list of sessions needs a date
            assert answered.says in [(200, 1000), (404, 2001), (405, 2000), (200, 2001)], endpoint
        credentials = [one for one in details["endpoints"] if one["identifier"] == "credentials"]
        assert [one["role"] for one in credentials] == ["SENDER"]
        assert len({(one["identifier"], one["role"]) for one in details["endpoints"]}) == len(details["endpoints"])


ROLES = [
    (("CPO", "EMSP"), {"SENDER", "RECEIVER"}),
    (("CPO",), {"SENDER"}),
    (("EMSP",), {"RECEIVER"}),
    (("NSP",), {"RECEIVER"}),
    (("NAP",), {"SENDER", "RECEIVER"}),
    (("SCSP",), set()),
]


@pytest.mark.rule("T-144", "T-146")
@pytest.mark.parametrize(("roles", "expected"), ROLES)
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_interfaces_follow_our_roles(roles: tuple[str, ...], expected: set[str], version: str, db: None) -> None:
    """mod_locations: the CPO's data is behind SENDER, and who consumes it offers RECEIVER."""
    ours = factories.own_party("DE-RDK", *roles)
    asking = Asking(factories.partner(ours=[ours]).token)
    endpoints = asking.get(version).data["endpoints"]
    listed = {one["role"]: one["url"] for one in endpoints if one["identifier"] == "locations"}
    assert set(listed) == expected
    assert {("locations", role) for role in listed} <= INTERFACES
    for role in ("SENDER", "RECEIVER"):
        closed = role not in listed
        below = "/SE/ELV/A" if role == "RECEIVER" else ""
        answered = asking.get(f"{version}/{role.lower()}/locations{below}")
        assert (answered.status == 404) is (closed or role == "RECEIVER")
        if closed:
            put = asking.put(f"{version}/{role.lower()}/locations/SE/ELV/A", factories.small_location("A"))
            assert put.status in (404, 405)


def test_only_modules_that_an_app_declares_are_listed(asking: Asking) -> None:
    for version in ("2.3.0", "2.2.1"):
        listed = {one["identifier"] for one in asking.get(version).data["endpoints"]}
        assert listed <= {module.endpoint for module in site.modules()}
        assert {"credentials", "locations"} <= listed


@pytest.mark.parametrize("version", ["2.1.1", "2.0", "2.3", "2.3.0.1", "2x3x0", "2.3.1", "3.0", "latest"])
def test_a_version_that_we_do_not_speak_is_404(version: str, asking: Asking) -> None:
    assert asking.get(version).status == 404
    assert asking.get(f"{version}/sender/locations").status == 404


def test_one_partner_learns_nothing_of_the_parties_of_another(us: Party) -> None:
    sender = factories.own_party("DE-SND", "CPO")
    receiver = factories.own_party("DE-RCV", "EMSP")
    for ours, expected in ((sender, {"SENDER"}), (receiver, {"RECEIVER"})):
        key = "SE-ELV:CPO" if ours is sender else "NO-FJO:CPO"
        asking = Asking(factories.partner(key, ours=[ours]).token)
        endpoints = asking.get("2.3.0").data["endpoints"]
        assert {one["role"] for one in endpoints if one["identifier"] == "locations"} == expected
        roles = asking.get("2.3.0/credentials").data["roles"]
        assert {role["party_id"] for role in roles} == {ours.party_id}
