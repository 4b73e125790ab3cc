"""OCPI-to-* and OCPI-from-* headers (transport_and_format#message_routing)."""

from __future__ import annotations

import pytest

from backoffice.delivery.models import Exchange
from backoffice.partners.models import Connection, Party
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner

LIST = "2.3.0/sender/locations"
OWN = "2.3.0/receiver/locations/SE/ELV/A"
NAMES = ("OCPI-to-country-code", "OCPI-to-party-id", "OCPI-from-country-code", "OCPI-from-party-id")


def routing(to: str = "", sender: str = "") -> dict[str, str]:
    to_country, _, to_party = to.partition("-")
    from_country, _, from_party = sender.partition("-")
    return dict(zip(NAMES, (to_country, to_party, from_country, from_party), strict=True))


def told(headers: dict[str, str]) -> tuple[str, str]:
    """(to, from) of an answer."""
    to_country, to_party, from_country, from_party = (headers.get(name, "") for name in NAMES)
    return f"{to_country}-{to_party}".strip("-"), f"{from_country}-{from_party}".strip("-")


@pytest.mark.rule("T-061", "T-065")
@pytest.mark.parametrize("path", [LIST, "2.2.1/sender/locations", OWN, f"{LIST}/NOTHING"])
def test_the_answer_swaps_them(path: str, asking: Asking) -> None:
    answered = asking.get(path, headers=routing("DE-RDK", "SE-ELV"))
    assert told(answered.headers) == ("SE-ELV", "DE-RDK")


@pytest.mark.rule("T-061", "T-065")
def test_refusals_of_functional_requests_swap_them_too(asking: Asking) -> None:
    answered = asking.put(OWN, {}, headers=routing("DE-RDK", "SE-ELV"))
    assert answered.says == (200, 2001)
    assert told(answered.headers) == ("SE-ELV", "DE-RDK")


@pytest.mark.rule("T-063")
def test_between_two_single_parties_they_may_be_left_out(asking: Asking) -> None:
    for path in (LIST, OWN):
        answered = asking.get(path)
        assert answered.status in (200, 404)
        assert told(answered.headers) == ("", "")
    assert asking.put(OWN, factories.small_location("A")).says == (201, 1000)


@pytest.mark.parametrize(("to", "sender", "expected"), [("DE-RDK", "", ("", "DE-RDK")), ("", "SE-ELV", ("SE-ELV", ""))])
def test_half_of_them_is_enough(to: str, sender: str, expected: tuple[str, str], asking: Asking) -> None:
    answered = asking.get(LIST, headers=routing(to, sender))
    assert answered.says == (200, 1000)
    assert told(answered.headers) == expected


@pytest.mark.rule("T-062")
@pytest.mark.parametrize("path", ["versions", "2.3.0", "2.2.1", "2.3.0/credentials"])
@pytest.mark.parametrize("headers", [routing("DE-RDK", "SE-ELV"), routing("XX-XXX", "YYYY-YYYYY")])
def test_configuration_modules_neither_read_nor_send_them(path: str, headers: dict[str, str], asking: Asking) -> None:
    answered = asking.get(path, headers=headers)
    assert answered.says == (200, 1000)
    assert told(answered.headers) == ("", "")


@pytest.mark.rule("T-068")
@pytest.mark.parametrize(("to", "sender"), [("de-rdk", "se-elv"), ("De-rDk", "sE-eLV")])
def test_they_are_compared_without_regard_to_case(to: str, sender: str, asking: Asking) -> None:
    assert asking.get(LIST, headers=routing(to, sender)).says == (200, 1000)


@pytest.mark.rule("T-068")
@pytest.mark.parametrize(
    "headers",
    [
        routing("DEU-RDK"),
        routing("DE-RDKX"),
        routing(sender="SWE-ELV"),
        routing(sender="SE-ELVA"),
        {NAMES[0]: "DE"},
        {NAMES[3]: "ELV"},
        routing("D E-RDK"),
        routing("DÉ-RDK"),
    ],
    ids=str,
)
def test_malformed_ones_are_2001(headers: dict[str, str], asking: Asking) -> None:
    assert asking.get(LIST, headers=headers).says == (200, 2001)


def test_a_party_that_is_not_ours_is_an_unknown_receiver(asking: Asking) -> None:
    before = snapshot()
    for to in ("NL-ABC", "SE-ELV"):
        answered = asking.put(OWN, factories.small_location("A"), headers=routing(to, "SE-ELV"))
        assert answered.says == (200, 4001), answered.body
    assert snapshot() == before


def test_a_party_of_ours_that_this_partner_was_not_given_is_an_unknown_receiver(us: Party) -> None:
    factories.own_party("DE-OTH")
    partner = factories.partner(ours=[us])
    assert Asking(partner.token).get(LIST, headers=routing("DE-OTH", "SE-ELV")).says == (200, 4001)


def test_nobody_speaks_for_a_party_of_somebody_else(asking: Asking, stranger: Partner) -> None:
    before = snapshot()
    for sender in ("NO-FJO", "DE-RDK", "XX-XXX"):
        answered = asking.put(OWN, factories.small_location("A"), headers=routing("DE-RDK", sender))
        assert answered.says == (200, 2001), answered.body
    assert snapshot() == before


@pytest.mark.rule("T-073")
def test_the_answer_to_a_broadcast_of_a_hub_names_the_hub(us: Party) -> None:
    partner = factories.partner("SE-ELV:CPO")
    Connection.objects.filter(pk=partner.connection.pk).update(hub_party_id="SEHUB")
    answered = Asking(partner.token).put(OWN, factories.small_location("A"), headers=routing("DE-RDK", "SE-HUB"))
    assert answered.says == (201, 1000)
    assert told(answered.headers) == ("SE-HUB", "DE-RDK")


def test_the_log_names_both_parties(asking: Asking) -> None:
    asking.get(LIST, headers=routing("DE-RDK", "SE-ELV"))
    row = Exchange.objects.latest("id")
    assert (row.from_party, row.to_party) == ("SE-ELV", "DE-RDK")


def test_a_receiver_among_several_of_ours_is_the_one_that_is_asked(us: Party) -> None:
    """An object id alone is not unique over our parties: OCPI-to says whose is meant."""
    other = factories.own_party("DE-OTH")
    partner = factories.partner(ours=[us, other])
    factories.own_location(factories.small_location("A", "DE-RDK", name="of RDK"))
    factories.own_location(factories.small_location("A", "DE-OTH", name="of OTH"))
    for to, name in (("DE-RDK", "of RDK"), ("DE-OTH", "of OTH")):
        assert Asking(partner.token).get(f"{LIST}/A", headers=routing(to, "SE-ELV")).data["name"] == name
