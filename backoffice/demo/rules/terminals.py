"""What the demo's payment terminals are, and how the cards behave that are shown at them. Only chance decides here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from ocpi.wire.payments import InvoiceCreator


@dataclass(frozen=True, slots=True)
class Made:
    """A terminal that the demo's provider puts up at the other company. `creator`: who writes the drivers' invoices there."""

    reference: str
    creator: InvoiceCreator
    locations: int
    """How many of the CPO's locations it serves."""


TERMINALS = (
    Made("TW-2301-0007", InvoiceCreator.CPO, 6),
    Made("TW-2301-0015", InvoiceCreator.CPO, 4),
    Made("TW-2302-0042", InvoiceCreator.PTP, 4),
)

CARDS: Mapping[str, int] = {"approve": 9, "late": 3, "half": 2, "fails": 2, "decline": 2, "silent": 1}
"""Manners of the simulated provider, and how many of such cards there are."""

LANGUAGES = ("en", "de", "fr", "nl")

EVERY = 14.0
"""Seconds between two cards on average."""


def card(chance: random.Random) -> str:
    """The handle of a card that is shown."""
    return f"{chance.choices(list(CARDS), list(CARDS.values()))[0]}:{chance.getrandbits(32):08x}"


def pause(every: float, chance: random.Random) -> float:
    return chance.uniform(0.3, 1.7) * every
