"""Rows and objects that tests start from: our companies, partners with their tokens, locations.

Rows come into being through the same actions that staff and partners use, so that a test never meets a state that
cannot exist. Objects are literal JSON of our own (not the official examples, which the code was built against); each call
gives a fresh copy with the named fields replaced.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from backoffice.console.models import PartyScope
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Location
from backoffice.partners.actions.connections import Agreement, Claim, add_own_party, adopt, set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.payments.actions import selling
from backoffice.roaming_site import site
from backoffice.tariffs.actions.storing import store as store_tariffs
from backoffice.tariffs.models import Tariff
from backoffice.tokens.actions.storing import store as store_tokens
from backoffice.tokens.models import Token
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire import tariffs, tokens

Tree = dict[str, Any]

LOOPBACK = (ip_network("127.0.0.0/8"),)
"""What the outgoing client may reach in a test with a scripted partner."""

_numbers = count(1)
_DOCUMENTS = Path(__file__).parent / "doors"


@dataclass(frozen=True)
class Partner:
    """A registered partner: its connection, the token with which it calls us, and its first party."""

    connection: Connection
    token: str
    country_code: str
    party_id: str

    @property
    def party(self) -> Party:
        return Party.objects.get(country_code=self.country_code, party_id=self.party_id)


def own_party(key: str = "DE-RDK", *roles: str, name: str = "Roamdesk Energie") -> Party:
    """One of our companies; CPO and eMSP unless told otherwise."""
    country_code, party_id = key.split("-")
    return add_own_party(country_code=country_code, party_id=party_id, name=name, roles=roles or ("CPO", "EMSP"))


def member(group: str = "", *parties: Party) -> Client:
    """A member of staff at a browser: of this group, if any, who sees only these companies, if any are named."""
    user = User.objects.create_user(f"{group} member", is_staff=True)
    if group:
        user.groups.add(Group.objects.get(name=group))
    if parties:
        scope = PartyScope.objects.create(name=f"Scope of {user}")
        scope.parties.set(parties)
        scope.users.add(user)
    client = Client()
    client.force_login(user)
    return client


def seller(party: Party) -> Party:
    """Invoices can be written for it."""
    given = {"name": party.name or str(party), "address": "Kade 1", "city": "Utrecht", "country": "NL"}
    selling.enter(party, given | {"postal_code": "3511", "vat_id": "NL000000000B00"}, by="test", now=site.now())
    return party


def partner(
    *keys: str,
    ours: Sequence[Party] = (),
    version: str = "2.3.0",
    plain_token: bool = False,
    token: str = "",
    versions_url: str = "",
    receives: Sequence[str] = (),
) -> Partner:
    """A connection agreed with a partner. `keys`: its roles as "SE-ELV:CPO". `receives`: the modules we may push to it."""
    number = next(_numbers)
    claims = []
    for key in keys or ("SE-ELV:CPO", "SE-ELV:EMSP"):
        name, role = key.split(":")
        country_code, party_id = name.split("-")
        claims.append(Claim(country_code, party_id, role, {"name": f"{name} company"}))
    token = token or f"partner-{number}-shows-this"
    host = f"https://partner{number}.example"
    connection = adopt(
        Agreement(
            name=f"Partner {number}",
            claims=claims,
            versions_url=versions_url or f"{host}/ocpi/versions",
            inbound_token=token,
            outbound_token=f"we-show-this-{number}",
            version=version,
        ),
        our_parties=ours or [own_party()],
    )
    if receives:
        set_endpoints(connection, [(module, "RECEIVER", f"{host}/ocpi/{version}/{module}") for module in receives])
    if plain_token:
        connection.plain_token = True
        connection.save()
    return Partner(connection, token, claims[0].country_code, claims[0].party_id)


@cache
def _document(name: str) -> Tree:
    tree: Tree = json.loads((_DOCUMENTS / f"{name}.json").read_text("utf-8"), parse_float=Decimal)
    return tree


def location(**changes: Any) -> Tree:
    """A Location of SE-ELV that uses every class of the chapter: HARBOUR-7 with EVSEs E-100 (connectors 1, 2) and E-200."""
    return deepcopy(_document("location")) | changes


def evse(**changes: Any) -> Tree:
    """E-100 of `location()`."""
    tree: Tree = location()["evses"][0] | changes
    return tree


def connector(**changes: Any) -> Tree:
    """Connector 1 of `evse()`."""
    tree: Tree = evse()["connectors"][0] | changes
    return tree


def small_location(object_id: str, owner: str = "SE-ELV", *, at: str = "2026-03-01T08:00:00Z", **changes: Any) -> Tree:
    """A Location with only what the specification demands, and one EVSE E1 with connector 1."""
    country_code, party_id = owner.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": object_id,
        "publish": True,
        "address": "Storgatan 1",
        "city": "Lund",
        "country": "SWE",
        "coordinates": {"latitude": "55.704660", "longitude": "13.191007"},
        "evses": [
            {
                "uid": "E1",
                "status": "AVAILABLE",
                "connectors": [
                    {
                        "id": "1",
                        "standard": "IEC_62196_T2",
                        "format": "CABLE",
                        "power_type": "AC_3_PHASE",
                        "max_voltage": 230,
                        "max_amperage": 16,
                        "last_updated": at,
                    }
                ],
                "last_updated": at,
            }
        ],
        "time_zone": "Europe/Stockholm",
        "last_updated": at,
    } | changes


def own_location(tree: Tree, *, now: datetime | None = None) -> Location:
    """A Location of one of our parties, stored as an import would."""
    party = Party.objects.get(country_code=tree["country_code"], party_id=tree["party_id"])
    value = wire_json.validate(wire.Location, tree)
    (item,) = store(party.pk, [(tree, value)], source="import", now=now or site.now(), ours=True)
    return Location.objects.get(pk=item.id)


def small_tariff(object_id: str, owner: str = "SE-ELV", *, at: str = "2026-03-01T08:00:00Z", **changes: Any) -> Tree:
    """A Tariff with only what the specification demands: EUR 0.45 per kWh before 25 % VAT."""
    country_code, party_id = owner.split("-")
    energy = {"type": "ENERGY", "price": Decimal("0.45"), "vat": 25, "step_size": 1}
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": object_id,
        "currency": "EUR",
        "elements": [{"price_components": [energy]}],
        "tax_included": "NO",
        "last_updated": at,
    } | changes


def own_tariff(tree: Tree, *, now: datetime | None = None) -> Tariff:
    """A published Tariff of one of our parties, stored as an import would."""
    party = Party.objects.get(country_code=tree["country_code"], party_id=tree["party_id"])
    value = wire_json.validate(tariffs.Tariff, tree)
    (item,) = store_tariffs(party.pk, [(tree, value)], source="import", now=now or site.now(), ours=True)
    return Tariff.objects.get(pk=item.id)


def small_place(object_id: str, owner: str = "SE-ELV", *, at: str = "2026-03-01T08:00:00Z", **changes: Any) -> Tree:
    """A BookingLocation of EVSE E1 at LOC1 with one calendar, C1, open through April by quarters of an hour."""
    country_code, party_id = owner.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": object_id,
        "location_id": "LOC1",
        "evse_uid": "E1",
        "booking_terms": [
            {"supported_access_methods": ["OPEN"], "change_until_minutes": 60, "cancel_until_minutes": 120}
        ],
        "calendars": [
            {
                "id": "C1",
                "begin_from": "2026-04-01T00:00:00Z",
                "end_before": "2026-05-01T00:00:00Z",
                "step_size": 15,
                "available_timeslots": [{"start_from": "2026-04-01T00:00:00Z", "end_before": "2026-05-01T00:00:00Z"}],
                "last_updated": at,
            }
        ],
        "last_updated": at,
    } | changes


def small_booking(
    object_id: str, owner: str = "SE-ELV", emsp: str = "DE-RDK", *, at: str = "2026-03-01T08:00:00Z", **changes: Any
) -> Tree:
    """A Booking of a driver of `emsp` at LOC1, EVSE E1, for an hour on the second of April: RESERVED at once."""
    country_code, party_id = owner.split("-")
    of_country, of_party = emsp.split("-")
    period = {"start_from": "2026-04-02T10:00:00Z", "end_before": "2026-04-02T11:00:00Z"}
    token = {
        "country_code": of_country,
        "party_id": of_party,
        "uid": "04A2B3C4D5",
        "type": "RFID",
        "contract_id": f"{of_country}-{of_party}-C00012345-6",
    }
    request = {
        "country_code": of_country,
        "party_id": of_party,
        "request_id": f"R-{object_id}",
        "location_id": "LOC1",
        "evse_uid": "E1",
        "tokens": [token],
        "period": period,
        "authorization_reference": f"AUTH-{object_id}",
    }
    return {
        "id": object_id,
        "country_code": country_code,
        "party_id": party_id,
        "request_id": f"R-{object_id}",
        "location_id": "LOC1",
        "evse_uid": "E1",
        "booking_tokens": [token],
        "period": period,
        "reservation_status": "RESERVED",
        "authorization_reference": f"AUTH-{object_id}",
        "booking_terms": {
            "supported_access_methods": ["OPEN"],
            "change_until_minutes": 60,
            "cancel_until_minutes": 120,
        },
        "booking_requests": [{"request_status": "ACCEPTED", "booking_request": request, "request_received": at}],
        "last_updated": at,
    } | changes


def small_cdr(object_id: str, owner: str = "SE-ELV", payer: str = "DE-RDK", **changes: Any) -> Tree:
    """A CDR for 20 kWh in an hour by `small_tariff("T1")`: EUR 9.00, and 2.25 of VAT."""
    country_code, party_id = owner.split("-")
    payer_country, payer_id = payer.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": object_id,
        "start_date_time": "2026-03-10T09:00:00Z",
        "end_date_time": "2026-03-10T10:00:00Z",
        "session_id": f"S-{object_id}",
        "cdr_token": {
            "country_code": payer_country,
            "party_id": payer_id,
            "uid": "04A2B3C4D5",
            "type": "RFID",
            "contract_id": "DE-RDK-C00012345-6",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "HARBOUR-7",
            "name": "Norra hamnen",
            "address": "Hamngatan 7",
            "city": "Malmö",
            "country": "SWE",
            "coordinates": {"latitude": "55.610000", "longitude": "12.990000"},
            "evse_uid": "E-100",
            "evse_id": "SE*ELV*E100",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "tariffs": [small_tariff("T1", owner)],
        "charging_periods": [
            {
                "start_date_time": "2026-03-10T09:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 20}, {"type": "TIME", "volume": 1}],
                "tariff_id": "T1",
            }
        ],
        "total_cost": {
            "before_taxes": Decimal("9.00"),
            "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("2.25")}],
        },
        "total_energy": 20,
        "total_time": 1,
        "last_updated": "2026-03-10T10:00:05Z",
    } | changes


def small_session(
    object_id: str, owner: str = "SE-ELV", emsp: str = "DE-RDK", *, at: str = "2026-03-01T08:00:00Z", **changes: Any
) -> Tree:
    """A Session with only what the specification demands, of a driver of `emsp` at LOC1, EVSE E1."""
    country_code, party_id = owner.split("-")
    of_country, of_party = emsp.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": object_id,
        "start_date_time": at,
        "kwh": Decimal("1.5"),
        "cdr_token": {
            "country_code": of_country,
            "party_id": of_party,
            "uid": "CARD-1",
            "type": "RFID",
            "contract_id": "DE-RDK-C12345678-X",
        },
        "auth_method": "WHITELIST",
        "location_id": "LOC1",
        "evse_uid": "E1",
        "connector_id": "1",
        "currency": "EUR",
        "status": "ACTIVE",
        "last_updated": at,
    } | changes


def small_token(uid: str, owner: str = "SE-ELV", *, at: str = "2026-03-01T08:00:00Z", **changes: Any) -> Tree:
    """A Token with only what the specification demands: a valid RFID card that a CPO may whitelist."""
    country_code, party_id = owner.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "uid": uid,
        "type": "RFID",
        "contract_id": f"{country_code}-{party_id}-C{uid}"[:36],
        "issuer": "Elverket",
        "valid": True,
        "whitelist": "ALLOWED",
        "last_updated": at,
    } | changes


def small_advice(object_id: str, reference: str, captured: str = "11.25", **changes: Any) -> Tree:
    """A FinancialAdviceConfirmation of a whole capture, VAT of 25 % inside."""
    net = Decimal(captured) / Decimal("1.25")
    return {
        "id": object_id,
        "authorization_reference": reference,
        "total_costs": {"before_taxes": net, "taxes": [{"name": "VAT", "amount": Decimal(captured) - net}]},
        "currency": "EUR",
        "eft_data": ["Mastercard", "**** 1234"],
        "capture_status_code": "SUCCESS",
        "last_updated": "2026-03-01T09:30:00Z",
    } | changes


def own_token(tree: Tree, *, now: datetime | None = None) -> Token:
    """A Token of one of our parties, stored as an import would."""
    return _token(tree, ours=True, now=now)


def their_token(tree: Tree, *, now: datetime | None = None) -> Token:
    """A Token of a partner, stored as a pull would."""
    return _token(tree, ours=False, now=now)


def _token(tree: Tree, *, ours: bool, now: datetime | None) -> Token:
    party = Party.objects.get(country_code=tree["country_code"], party_id=tree["party_id"])
    value = wire_json.validate(tokens.Token, tree)
    (item,) = store_tokens(party.pk, [(tree, value)], now=now or site.now(), ours=ours)
    return Token.objects.get(pk=item.id)


def moment(text: str) -> datetime:
    """`2026-03-01T08:00:00Z` as a time."""
    return datetime.fromisoformat(text).astimezone(UTC)
