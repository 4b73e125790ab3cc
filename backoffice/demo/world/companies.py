"""The companies of the demo and how they appear to drivers. All are invented; their domains lead nowhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Company:
    """One platform's party: CPO and eMSP in one. `side`: whose platform it is, as `manage.py up` says it."""

    side: str
    country_code: str
    party_id: str
    name: str
    domain: str

    @property
    def seller(self) -> dict[str, str]:
        """As it stands on invoices."""
        return SELLERS[self.party_id]

    @property
    def website(self) -> str:
        return f"https://www.{self.domain}/"


SELLERS = {
    "RDK": {
        "name": "Rheindock Charging GmbH",
        "address": "Hafenstraße 12",
        "postal_code": "40221",
        "city": "Düsseldorf",
        "country": "DE",
        "vat_id": "DE000000001",
        "registration": "Amtsgericht Düsseldorf, HRB 00001",
        "prefix": "RDK",
    },
    "VGM": {
        "name": "Vallgrind Mobility AB",
        "address": "Verkstadsgatan 7",
        "postal_code": "211 42",
        "city": "Malmö",
        "country": "SE",
        "vat_id": "SE000000000101",
        "prefix": "VGM",
    },
}
"""What is invented so that it cannot be anybody's: no tax office gives such numbers away."""

ROLES = ("CPO", "EMSP")
OUR_ROLES = (*ROLES, "PTP")
"""Those that run a platform have payment terminals, too: at each other's charge points."""

HOME = Company("home", "DE", "RDK", "Rheindock Charging", "rheindock.example")
PARTNER = Company("partner", "SE", "VGM", "Vallgrind Mobility", "vallgrind.example")
COMPANIES = (HOME, PARTNER)
"""Those that run a platform."""
STILWATER = Company("third", "NL", "STW", "Stilwater Laadpas", "stilwater.example")
"""Played from a script: `demo.stilwater`."""


def company_of(side: str) -> Company:
    """Raises KeyError for a side that the demo does not have."""
    return {company.side: company for company in COMPANIES}[side]
