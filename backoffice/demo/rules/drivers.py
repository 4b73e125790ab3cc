"""Who comes to charge: cards in groups, and how often each group is seen."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from zlib import crc32

from backoffice.demo.rules.visits import WEIGHTS as STORIES
from backoffice.demo.rules.visits import Story


class Group(Enum):
    """OWN, ROAMING: cards in good order, of this company and of its partner. HELD: cards that may not be used. STRANGER: nobody
    knows the card. SILENT: the company behind it does not answer.
    """

    OWN = "own"
    ROAMING = "roaming"
    HELD = "held"
    STRANGER = "stranger"
    SILENT = "silent"


WEIGHTS: Mapping[Group, int] = {
    Group.OWN: 42,
    Group.ROAMING: 44,
    Group.HELD: 4,
    Group.STRANGER: 4,
    Group.SILENT: 6,
}
"""How often, in percent."""


@dataclass(frozen=True, slots=True)
class Card:
    """As a reader sees it. `type`: a TokenType."""

    uid: str
    type: str = "RFID"


Cards = Mapping[Group, Sequence[Card]]


def abroad(uid: str) -> bool:
    """Whether a card is shown at the charge points of the third company alone."""
    return crc32(uid.encode()) % 8 == 0


def stranger(chance: random.Random) -> Card:
    return Card(f"{chance.getrandbits(56):014X}")


def draw(cards: Cards, in_use: Collection[str], chance: random.Random, *, group: Group | None = None) -> Card | None:
    """Whose card is shown next: of that group, or of any as they are weighted. Nobody charges at two places at once. None:
    nobody is left.
    """
    free: dict[Group, list[Card]] = {}
    for each in [group] if group else [*WEIGHTS]:
        left = [card for card in cards.get(each, ()) if card.uid not in in_use]
        if left or each is Group.STRANGER:
            free[each] = left
    if not free:
        return None
    (chosen,) = chance.choices([*free], weights=[WEIGHTS[each] for each in free])
    return chance.choice(free[chosen]) if free[chosen] else stranger(chance)


PROGRAMME: tuple[tuple[Group, Story], ...] = (
    *((group, story) for story in STORIES for group in (Group.ROAMING, Group.OWN)),
    (Group.HELD, Story.FULL),
    (Group.HELD, Story.FULL),
    (Group.STRANGER, Story.FULL),
    *((Group.SILENT, Story.PULLED) for _ in range(3)),
)
"""Everything that can happen, once: for tests, which cannot wait for chance."""
