"""A payment provider that moves no money: for the demo, for tests, and for whoever tries a terminal out.

How a card behaves stands in the handle that its terminal read: `approve`, `decline`, `half` (half of a capture comes), `fails`
(no capture), `late` (does what it is asked, and its first answer to each question gets lost), `silent` (never answers whether it
reserved), `closed` (pays, and takes no money back), `clings` (its provider does not release what it reserved). Anything else is
approved. What it did it keeps in books of its own, so that it can be asked after any crash.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from backoffice.payments.models import SimulatedMove
from backoffice.payments.provider import Answered, Question, Unreachable, Verdict
from backoffice.payments.rules.money import shown
from backoffice.payments.rules.transaction import Move
from backoffice.roaming_site import site

APPROVE, DECLINE, HALF, FAILS, LATE, SILENT = "approve", "decline", "half", "fails", "late", "silent"
CLOSED, CLINGS = "closed", "clings"
MANNERS = (APPROVE, DECLINE, HALF, FAILS, LATE, SILENT, CLOSED, CLINGS)

BRANDS = ("VISA DEBIT", "MASTERCARD", "GIROCARD", "V PAY")


class Simulated:
    """A `Provider`."""

    def preauthorize(self, question: Question) -> Answered:
        manner = question.handle.split(":")[0]
        manner = manner if manner in MANNERS else APPROVE
        if manner == SILENT:
            raise Unreachable("no answer in time")
        if manner == DECLINE:
            return self._kept(question, manner, Verdict.REFUSED, 0, "Declined by the card's issuer (51).")
        return self._kept(question, manner, Verdict.DONE, question.units)

    def capture(self, question: Question) -> Answered:
        hold = self._hold(question.reference)
        if hold is None or hold.verdict == Verdict.REFUSED.value or self._gone(question):
            return self._kept(question, APPROVE, Verdict.REFUSED, 0, "Nothing is reserved under this reference.")
        if question.units > hold.done:
            return self._kept(question, hold.manner, Verdict.REFUSED, 0, "More than was reserved.")
        if hold.manner == FAILS:
            return self._kept(question, hold.manner, Verdict.REFUSED, 0, "The issuer refused the capture (05).")
        if hold.manner == HALF and question.units > 1:
            half = question.units // 2
            return self._kept(question, hold.manner, Verdict.PART, half, "The card's balance did not suffice.")
        return self._kept(question, hold.manner, Verdict.DONE, question.units)

    def release(self, question: Question) -> Answered:
        hold = self._hold(question.reference)
        manner = hold.manner if hold is not None else APPROVE
        if self._done(question.reference, Move.CAPTURE):
            return self._kept(question, manner, Verdict.REFUSED, 0, "It was captured already.")
        if manner == CLINGS:
            return self._kept(question, manner, Verdict.REFUSED, 0, "The hold ends by itself in seven days.")
        return self._kept(question, manner, Verdict.DONE, hold.done if hold is not None else 0)

    def refund(self, question: Question) -> Answered:
        hold = self._hold(question.reference)
        manner = hold.manner if hold is not None else APPROVE
        here = self._done(question.reference, Move.CAPTURE) - self._done(question.reference, Move.REFUND, question.key)
        if question.units > here:
            return self._kept(question, manner, Verdict.REFUSED, 0, "More than was captured.")
        if manner == CLOSED:
            return self._kept(question, manner, Verdict.REFUSED, 0, "The card's account is closed (54).")
        return self._kept(question, manner, Verdict.DONE, question.units)

    def look_up(self, key: str) -> Answered | None:
        found = SimulatedMove.objects.filter(key=key).first()
        return None if found is None else _said(found)

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _kept(self, question: Question, manner: str, verdict: Verdict, done: int, reason: str = "") -> Answered:
        """The same key again is answered as the first time, whatever was decided now."""
        found: dict[str, Any] = {
            "kind": question.move.value,
            "reference": question.reference,
            "units": question.units,
            "currency": question.currency,
            "verdict": verdict.value,
            "done": done,
            "reason": reason,
            "manner": manner,
            "at": site.now(),
        }
        try:
            with transaction.atomic():
                row, new = SimulatedMove.objects.create(key=question.key, **found), True
        except IntegrityError:
            SimulatedMove.objects.filter(key=question.key).update(asked=F("asked") + 1)
            row, new = SimulatedMove.objects.get(key=question.key), False
        if manner == LATE and new:
            raise Unreachable("the answer came too late")
        return _said(row)

    def _hold(self, reference: str) -> SimulatedMove | None:
        return SimulatedMove.objects.filter(reference=reference, kind=Move.PREAUTHORIZE.value).first()

    def _done(self, reference: str, move: Move, but: str = "") -> int:
        rows = SimulatedMove.objects.filter(reference=reference, kind=move.value).exclude(key=but)
        return rows.aggregate(all=Sum("done"))["all"] or 0

    def _gone(self, question: Question) -> bool:
        return SimulatedMove.objects.filter(reference=question.reference, kind=Move.RELEASE.value).exists()


_PRINTED = {Move.CAPTURE.value: "SALE", Move.REFUND.value: "REFUND"}


def _said(row: SimulatedMove) -> Answered:
    return Answered(
        verdict=Verdict(row.verdict),
        units=row.done,
        reason=row.reason,
        trace=f"SIM-{row.pk:08d}",
        receipt=_receipt(row) if row.kind in _PRINTED and row.done else (),
    )


def _receipt(row: SimulatedMove) -> tuple[str, ...]:
    """As a terminal prints it; the card number is made of the reference, and masked as any provider does it."""
    drawn = hashlib.sha256(row.reference.encode()).digest()
    return (
        "*** CUSTOMER RECEIPT ***",
        f"{BRANDS[drawn[0] % len(BRANDS)]} **** **** **** {int.from_bytes(drawn[1:3]) % 10_000:04d}",
        f"{_PRINTED[row.kind]} {shown(row.done, row.currency)}",
        f"{row.at:%Y-%m-%d %H:%M:%S} UTC",
        f"TRACE {row.pk:08d} AUTH {int.from_bytes(drawn[3:6]) % 1_000_000:06d}",
        "CONTACTLESS EMV A0000000031010",
        "APPROVED - SIMULATION, NO MONEY MOVED",
    )
