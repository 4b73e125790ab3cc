"""The drivers of a company of the demo and what they show to charge points: cards, key fobs, the app, a car by itself.

Which kinds there are is fixed; the seed decides numbers and names. Some are held, as in life: which and why stands in `HELD`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backoffice.demo.world.companies import Company
from backoffice.tokens.rules.contracts import contract_id
from backoffice.tokens.rules.words import Cause
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

_SIGNS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LANGUAGES = {"DE": ("de", "de", "en"), "SE": ("sv", "sv", "en")}
_COUNTRIES = {"DE": "DEU", "SE": "SWE"}

WHITELISTS = ("ALLOWED",) * 10 + ("ALWAYS",) * 3 + ("ALLOWED_OFFLINE",) * 6 + ("NEVER",) * 9
"""Of the cards of private drivers, in turn."""

FAMILIES, FLEET, APPS, GUESTS = 5, 8, 12, 3

HELD: dict[int, Cause] = {3: Cause.LOST, 11: Cause.STOLEN, 17: Cause.UNPAID, 22: Cause.ENDED, 25: Cause.NO_ROAMING}
"""The number of the private driver's card, and why it is held."""

AT_HOME_ONLY = 26
"""This private driver's contract is for the home country."""


@dataclass(slots=True)
class Drivers:
    """Tokens as they are entered. `held` and `only_in` by uid."""

    tokens: list[Tree] = field(default_factory=list)
    held: dict[str, Cause] = field(default_factory=dict)
    only_in: dict[str, list[str]] = field(default_factory=dict)


def drivers(company: Company, *, seed: int, at: datetime) -> Drivers:
    """Every token of a company, as they stand at `at`."""
    chance = random.Random(f"{seed}/{company.party_id}/drivers")  # invented data, nothing secret
    found = Drivers()

    def token(kind: str, uid: str, contract: str, whitelist: str, **more: Any) -> str:
        tree = {
            "country_code": company.country_code,
            "party_id": company.party_id,
            "uid": uid,
            "type": kind,
            "contract_id": contract,
            "issuer": company.name,
            "valid": True,
            "whitelist": whitelist,
            "language": chance.choice(_LANGUAGES[company.country_code]),
            "last_updated": date_time_text((at - timedelta(days=chance.randint(2, 400))).replace(microsecond=0)),
        }
        found.tokens.append(tree | more)
        return uid

    def contract() -> str:
        number = "C" + "".join(chance.choice(_SIGNS) for _ in range(8))
        return contract_id(company.country_code, company.party_id, number)

    for number, whitelist in enumerate(WHITELISTS):
        more: Tree = {"visual_number": _printed(company, 1000 + number)}
        if number % 7 == 0:
            more["energy_contract"] = {"supplier_name": "Wald und Wind", "contract_id": f"EL-{number:05d}"}
        if number % 9 == 0:
            more["default_profile_type"] = chance.choice(("GREEN", "CHEAP"))
        uid = token("RFID", _chip(chance), contract(), whitelist, **more)
        if number in HELD:
            found.held[uid] = HELD[number]
        if number == AT_HOME_ONLY:
            found.only_in[uid] = [_COUNTRIES[company.country_code]]
    for number in range(FAMILIES):  # a card and a key fob that work as one
        shared, group = contract(), f"{company.party_id}-FAM-{number + 1:03d}"
        for each in range(2):
            printed = _printed(company, 2000 + 2 * number + each)
            token("RFID", _chip(chance), shared, "ALLOWED", group_id=group, visual_number=printed)
    fleet = contract()
    for number in range(FLEET):
        printed = _printed(company, 3000 + number)
        token(
            "RFID",
            _chip(chance),
            fleet,
            "ALLOWED_OFFLINE",
            group_id=f"{company.party_id}-FLEET-1",
            visual_number=printed,
        )
    for _ in range(APPS):
        token("APP_USER", f"app-{_letters(chance, 20)}", contract(), "NEVER")
    for _ in range(GUESTS):
        token("AD_HOC_USER", f"guest-{_letters(chance, 16)}", contract(), "NEVER")
    car = contract()
    token("EMAID", car.replace("-", ""), car, "NEVER")
    token("OTHER", f"key-{_letters(chance, 12)}", contract(), "ALLOWED")
    return found


def _chip(chance: random.Random) -> str:
    """The id of a card's chip: seven bytes, the first of them its maker's."""
    return "04" + "".join(f"{chance.randrange(256):02X}" for _ in range(6))


def _letters(chance: random.Random, length: int) -> str:
    return "".join(chance.choice(_SIGNS.lower()) for _ in range(length))


def _printed(company: Company, number: int) -> str:
    return f"{company.country_code} {company.party_id} {number:04d} {number * 7919 % 10000:04d}"
