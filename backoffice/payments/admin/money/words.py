"""Card payments in words and colours."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backoffice.console.cells import NOTHING, Tone, state
from backoffice.payments.rules.money import shown, units
from backoffice.payments.rules.tie import Finding
from backoffice.payments.rules.transaction import State

TONES: Mapping[str, Tone] = {
    State.PRESENTED.value: ("busy", "contactless"),
    State.DECLINED.value: ("off", "credit_card_off"),
    State.AUTHORIZED.value: ("busy", "lock"),
    State.STARTING.value: ("busy", "hourglass_top"),
    State.CHARGING.value: ("busy", "bolt"),
    State.ENDED.value: ("busy", "receipt_long"),
    State.BILLED.value: ("busy", "payments"),
    State.CAPTURED.value: ("good", "check_circle"),
    State.PARTIAL.value: ("bad", "incomplete_circle"),
    State.FAILED.value: ("bad", "error"),
    State.RELEASING.value: ("busy", "lock_open"),
    State.RELEASED.value: ("off", "lock_open"),
    State.CREDITED.value: ("busy", "hourglass_top"),
    State.REFUNDING.value: ("busy", "currency_exchange"),
    State.REFUNDED.value: ("off", "currency_exchange"),
    State.OWING.value: ("bad", "currency_exchange"),
    State.CLEARED.value: ("off", "task_alt"),
}

MEANING: Mapping[str, str] = {
    State.PRESENTED.value: "The payment provider was asked to reserve the amount, and has not answered yet.",
    State.DECLINED.value: "The card was refused. Nothing is reserved and nothing was started.",
    State.AUTHORIZED.value: "The amount is reserved; the CPO is about to be asked to start.",
    State.STARTING.value: "The CPO was asked to start. No charge has been told of yet.",
    State.CHARGING.value: "The charge runs. It is ended before it costs more than is reserved.",
    State.ENDED.value: "The charge is over. Its CDR has not come yet.",
    State.BILLED.value: "The CDR has come; the payment provider is asked to capture it.",
    State.CAPTURED.value: "All that was owed was captured, and the CPO was told.",
    State.PARTIAL.value: "Less was captured than is owed: collect the rest otherwise, or write it off.",
    State.FAILED.value: "Nothing was captured of what is owed: collect it otherwise, or write it off.",
    State.RELEASING.value: "Nothing will be owed; the payment provider is asked to release the amount.",
    State.RELEASED.value: "Nothing was owed, and the amount was released.",
    State.CREDITED.value: "The CPO took its CDR back. A corrected one often follows, and is waited for before money goes back.",
    State.REFUNDING.value: "The driver is to get money back; the payment provider is asked for it.",
    State.REFUNDED.value: "The driver got back what was captured beyond what is owed. The CPO is not told: OCPI has no message.",
    State.OWING.value: "The payment provider did not give back what the driver is to get: ask it again, or pay it otherwise.",
    State.CLEARED.value: "The CPO took its CDR back, and nothing had been captured: nobody owes anything.",
}

FINDINGS: Mapping[Finding, Tone] = {
    Finding.TIED: ("good", "check_circle"),
    Finding.WRITTEN_OFF: ("off", "task_alt"),
    Finding.GIVEN_BACK: ("off", "task_alt"),
    Finding.SHORT: ("bad", "incomplete_circle"),
    Finding.OVER: ("bad", "currency_exchange"),
    Finding.NO_CAPTURE: ("bad", "money_off"),
    Finding.NO_CDR: ("bad", "link_off"),
    Finding.NO_INVOICE: ("warn", "receipt_long"),
    Finding.INVOICE_DIFFERS: ("bad", "difference"),
    Finding.TWICE: ("bad", "control_point_duplicate"),
    Finding.CURRENCY: ("bad", "currency_exchange"),
}

CAPTURES: Mapping[str, Tone] = {
    "SUCCESS": ("good", "check_circle"),
    "PARTIAL_SUCCESS": ("bad", "incomplete_circle"),
    "FAILED": ("bad", "error"),
}


def standing(value: str) -> str:
    return state(value, tone=TONES.get(value, ("off", "circle")))


def money(minor: int | None, currency: str) -> str:
    return NOTHING if minor is None else shown(minor, currency)


def price(value: Decimal, currency: str) -> str:
    """Of an amount with its decimals, as it is paid."""
    return shown(units(Decimal(value), currency), currency)
