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
    def website(self) -> str:
        return f"https://www.{self.domain}/"


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
