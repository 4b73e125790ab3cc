"""2.3.0 without the module of bookings, as most platforms speak it: what of 2.3.0 exists only with bookings.

As an edition of that module is, this is a fact of the connection: the partner's version details have no endpoint of it. To core
2.3.0 an element that prices cancelling or overstaying has a value that its closed enumeration does not know; left without its
restriction it would price every charge. So it is left out, and what charging and reserving cost is the same without it.
"""

from ocpi.versions.version import WHOLE, Change, Context, Node, Untranslatable, Version
from ocpi.wire.tariffs import TariffElement

ONLY_BOOKING = frozenset({"RESERVATION_CANCELLATION_FEES", "RESERVATION_OVERTIME"})

TELLTALES = tuple(value.encode() for value in sorted(ONLY_BOOKING))
"""An object in which none of these stands is said the same with bookings and without."""


def _of_charging(node: Node, context: Context) -> Node:
    restrictions = node.get("restrictions")
    if type(restrictions) is dict and restrictions.get("reservation") in ONLY_BOOKING:
        raise Untranslatable("an element that prices what only bookings have")
    return node


VERSION = Version(
    number="2.3.0-b0",
    newer="2.3.0",
    modules={},
    commands=frozenset(),
    changes=(
        Change(
            TariffElement,
            "TariffRestrictions.reservation has more values with bookings",
            down=_of_charging,
            loses={
                WHOLE: "core 2.3.0 has no fees for cancelling or overstaying; unrestricted they would price charging"
            },
        ),
    ),
)
