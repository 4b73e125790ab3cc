"""Tariffs of 2.1.1 against 2.2.1: no owner, no kinds, limits or validity, and fewer restrictions."""

from ocpi.versions.version import UNKNOWN_FIELDS, WHOLE, Change, Context, Node, Untranslatable, added, owned
from ocpi.wire.tariffs import PriceComponent, Tariff, TariffElement
from ocpi.wire.types import Price

_BY_CURRENT = ("min_current", "max_current")


def _without_reservations(node: Node, context: Context) -> Node:
    restrictions = node.get("restrictions")
    if type(restrictions) is dict and restrictions.get("reservation") is not None:
        raise Untranslatable("2.1.1 has no prices for reservations")
    return node


def _not_by_current(node: Node, context: Context) -> Node:
    """Left out, the element would be free of charge; without the restriction it would price everything."""
    elements = node.get("elements")
    for element in elements if type(elements) is list else []:
        restrictions = element.get("restrictions") if type(element) is dict else None
        if type(restrictions) is dict and any(restrictions.get(name) is not None for name in _BY_CURRENT):
            raise Untranslatable("2.1.1 cannot restrict a price by current")
    return node


def _price_of_number(node: object, context: Context) -> object:
    return node if type(node) is dict or node is None else {"excl_vat": node}


def _number_of_price(node: object, context: Context) -> object:
    return node.get("excl_vat") if type(node) is dict else node


CHANGES = (
    owned(Tariff),
    added(Tariff, "type", "2.1.1 does not tell kinds of tariffs apart"),
    added(Tariff, "min_price", "2.1.1 has no limits"),
    added(Tariff, "max_price", "2.1.1 has no limits"),
    added(Tariff, "start_date_time", "2.1.1 has no validity"),
    added(Tariff, "end_date_time", "2.1.1 has no validity"),
    Change(
        Tariff,
        "TariffRestrictions.min_current and max_current added",
        down=_not_by_current,
        loses={WHOLE: "a tariff with prices that depend on the current cannot be said"},
    ),
    Change(
        TariffElement,
        "TariffRestrictions.reservation added",
        down=_without_reservations,
        loses={WHOLE: "2.1.1 has no prices for reservations"},
    ),
    added(PriceComponent, "vat", "2.1.1 prices exclude VAT and do not name it"),
    Change(
        Price,
        "Price: was a number without VAT",
        up=_price_of_number,
        down=_number_of_price,
        paths={"excl_vat": "", "incl_vat": ""},
        loses={"taxes": "2.1.1 names costs without VAT only", UNKNOWN_FIELDS: "a number has none"},
        scalar=True,
    ),
)
