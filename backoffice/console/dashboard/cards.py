"""The panel about cards at payment terminals: money that did not come, money that drivers are to get, what a provider keeps."""

from __future__ import annotations

from decimal import Decimal

from backoffice.console.dashboard.asked import Asked
from backoffice.console.dashboard.open_money import open_money
from backoffice.console.dashboard.parts import Figure, Matter, Panel, amount, listing, plural
from backoffice.payments.rules.money import amount as of_units

_SENTENCES = {
    "RISK": ("at our terminals was not paid whole", "at our terminals were not paid whole", "money_off"),
    "TOLD_RISK": (
        "at our charge points was not captured whole",
        "at our charge points were not captured whole",
        "money_off",
    ),
    "BACK": ("is to be given back, and the provider did not", "are to be given back, and the provider did not", "undo"),
    "TOLD_BACK": ("of a credited CDR is to be given back", "of credited CDRs are to be given back", "undo"),
    "KEPT": (
        "stays reserved: the provider does not release it",
        "stay reserved: the provider does not release them",
        "lock",
    ),
    "ASIDE": ("was told otherwise and kept aside", "were told otherwise and kept aside", "rule"),
}

_FIGURES = {
    "RISK": "not paid at our terminals",
    "TOLD_RISK": "not captured at our charge points",
    "BACK": "to give back at our terminals",
    "TOLD_BACK": "to give back at our charge points",
}


def cards(asked: Asked) -> Panel:
    """Both of what our terminals took and of what providers took at our charge points; money of all times, for it stays open."""
    urls = {
        "RISK": listing("payments_cardpayment_changelist", state="risk"),
        "BACK": listing("payments_cardpayment_changelist", state="back"),
        "KEPT": listing("payments_cardpayment_changelist", state="kept"),
        "TOLD_RISK": listing("payments_advice_changelist", status="risk"),
        "TOLD_BACK": listing("payments_advice_changelist", charge="back"),
        "ASIDE": listing("payments_quarantinedadvice_changelist", state="open"),
    }
    sums: dict[tuple[str, str], Decimal] = {}
    panel = Panel("cards", "Card payments")
    for kind, _, _, currency, number, money, units in open_money(asked):
        if kind not in _SENTENCES:
            continue
        total: Decimal = of_units(units, currency) + money
        one, many, icon = _SENTENCES[kind]
        if kind in _FIGURES:
            sums[kind, currency] = sums.get((kind, currency), Decimal(0)) + total
        tone = "warn" if kind == "KEPT" else "bad"
        panel.matters.append(
            Matter(
                f"{plural(number, 'card payment')} {one if number == 1 else many}",
                urls[kind],
                number,
                total,
                currency,
                tone=tone,
                icon=icon,
            )
        )
    panel.figures = [
        Figure(_FIGURES[kind], amount(money, currency), urls[kind], "bad", "credit_card_off")
        for (kind, currency), money in sorted(sums.items())
    ] or [Figure("at risk", "nothing", urls["RISK"], "good", "credit_score")]
    return panel
