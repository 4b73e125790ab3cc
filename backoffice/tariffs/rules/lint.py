"""What is wrong or surprising in a tariff: code, sentence, place. Checks are a table; one loop runs it.

What is said about gaps, overlaps and unreachable elements is exact, not guessed: see `situations`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backoffice.tariffs.rules.compiled import (
    ENERGY,
    PARKING_TIME,
    TIME,
    CompiledTariff,
    Component,
    compile_tariff,
    window,
)
from backoffice.tariffs.rules.situations import KINDS, each_phase, situations, winning
from ocpi.wire.tariffs import ReservationRestrictionType, Tariff, TariffType, TaxIncluded


class Level(StrEnum):
    """How much it matters."""

    ERROR = "error"
    """Nobody can have meant this."""
    WARNING = "warning"
    NOTE = "note"
    """Allowed and often meant; drivers may be surprised."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`place`: the field inside the Tariff, by the names of the specification; empty for the whole."""

    code: str
    level: Level
    sentence: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a tariff alone does not tell. `others`: the tariffs that the same connectors offer; None: not known."""

    others: Sequence[Tariff] | None = None
    has_terminal: bool = False


NOTICED_WH, NOTICED_SECONDS = 1000, 300


def lint(tariff: Tariff, offer: Offer | None = None) -> list[Finding]:
    """All findings, in the order of the checks."""
    compiled = compile_tariff(tariff)
    known = offer or Offer()
    return [finding for check in CHECKS for finding in check(compiled, known)]


def _element(index: int, name: str = "") -> str:
    return f"elements[{index}]" + (f".restrictions.{name}" if name else "")


# --- Situations -----------------------------------------------------------------------------------------------------


def _of_situations(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    found = situations(compiled)
    if found is None:
        return
    held = 0
    for situation in found:
        held |= situation
    winners = winning(compiled, found)
    gaps, overlaps = set(), set()
    for kind, phase, situation in each_phase(compiled, found):
        winner = compiled.first(kind, situation)
        if winner is None:
            if phase == compiled.charging and compiled.with_kind[kind] & phase:
                gaps.add(kind)
            continue
        other = compiled.first(kind, situation & ~(1 << winner.element))
        if other is not None and _both_restricted(winner, other) and other.wire.price != winner.wire.price:
            overlaps.add((kind, winner.element, other.element))
    for index in range(len(compiled.tariff.elements)):
        if not held >> index & 1:
            sentence = "Its restrictions contradict each other: this element never applies."
            yield Finding("never_applies", Level.ERROR, sentence, _element(index))
        elif not any(winner.element == index for winner in winners):
            sentence = "Elements before it always win: this element is never used."
            yield Finding("unreachable_element", Level.ERROR, sentence, _element(index))
        else:
            for component in compiled.components:
                own = component.element == index and compiled.first_of[component.wire.type][1 << index] is component
                if own and component not in winners:
                    sentence = f"Elements before it always win for {component.wire.type}: this price is never used."
                    yield Finding("unreachable_element", Level.WARNING, sentence, component.place)
    for kind in KINDS:
        if kind in gaps:
            level = Level.WARNING if kind is ENERGY else Level.NOTE
            sentence = (
                f"In some situations no element prices {kind}: there it is free. A last element without restrictions"
                " would price them."
            )
            yield Finding("gap", level, sentence, "elements")
    for kind, first, second in sorted(overlaps):
        sentence = (
            f"Sometimes elements {first} and {second} both hold with different prices for {kind}; the first one counts."
        )
        yield Finding("overlap", Level.NOTE, sentence, _element(second))


def _both_restricted(one: Component, other: Component) -> bool:
    """A later element without restrictions is a fallback, which is good practice."""
    return all(
        (restrictions := each.owner.tariff.elements[each.element].restrictions) is not None
        and restrictions.model_dump(exclude_none=True, exclude_defaults=True).keys() - {"reservation"}
        for each in (one, other)
    )


# --- Single fields ---------------------------------------------------------------------------------------------------


def _duplicates(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    for component in compiled.components:
        first = compiled.first_of[component.wire.type][1 << component.element]
        if component is not first:
            sentence = f"This element has a second price for {component.wire.type}; only the first counts."
            yield Finding("duplicate_dimension", Level.ERROR, sentence, component.place)


def _limits(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    least, most = compiled.tariff.min_price, compiled.tariff.max_price
    for name, limit in (("min_price", least), ("max_price", most)):
        if limit is not None and limit.after_taxes is not None and limit.after_taxes < limit.before_taxes:
            sentence = "The limit after taxes is lower than the limit before taxes."
            yield Finding("crossing_limits", Level.ERROR, sentence, f"{name}.after_taxes")
    if least is None or most is None:
        return
    if least.before_taxes > most.before_taxes:
        sentence = "The minimum is above the maximum: every session costs the maximum."
        yield Finding("crossing_limits", Level.ERROR, sentence, "min_price.before_taxes")
    if least.after_taxes is not None and most.after_taxes is not None and least.after_taxes > most.after_taxes:
        sentence = "The minimum after taxes is above the maximum: every session costs the maximum."
        yield Finding("crossing_limits", Level.ERROR, sentence, "min_price.after_taxes")


def _steps(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    for kind, noticed, unit in (
        (ENERGY, NOTICED_WH, "Wh"),
        (TIME, NOTICED_SECONDS, "s"),
        (PARKING_TIME, NOTICED_SECONDS, "s"),
    ):
        own = [component for component in compiled.components if component.wire.type is kind and component.wire.price]
        for component in own:
            if component.step > noticed:
                sentence = f"A session is rounded up by as much as {component.step} {unit}; OCPI advises a step of 1."
                yield Finding("step_surprises", Level.NOTE, sentence, f"{component.place}.step_size")
            if component.step < 0:
                sentence = "A negative step is not applied."
                yield Finding("step_surprises", Level.ERROR, sentence, f"{component.place}.step_size")
        charging = [each for each in own if compiled.charging >> each.element & 1]
        steps = {component.step for component in charging}
        if len(steps) > 1:
            sentence = f"The steps of {kind} differ: that of the last price in a session rounds the whole of it."
            yield Finding("steps_differ", Level.NOTE, sentence, f"{charging[-1].place}.step_size")


def _windows(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    for index, element in enumerate(compiled.tariff.elements):
        restrictions = element.restrictions
        found = window(restrictions) if restrictions is not None else None
        if restrictions is None or found is None:
            continue
        start, end = found
        if start > end and restrictions.day_of_week:
            sentence = "After midnight the weekday is the next one: a window over midnight needs both days."
            yield Finding("wrapping_window_with_weekdays", Level.WARNING, sentence, _element(index, "day_of_week"))
        if start == end:
            sentence = "A window that ends when it starts is read as the whole day."
            yield Finding("window_without_length", Level.WARNING, sentence, _element(index, "end_time"))


def _taxes(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    if compiled.tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return
    for component in compiled.components:
        if component.wire.price and component.wire.vat is None:
            known = (
                "the amount before taxes is not known"
                if compiled.tariff.tax_included is TaxIncluded.YES
                else "no VAT is added"
            )
            yield Finding(
                "tax_information_missing", Level.WARNING, f"No vat is given: {known}.", f"{component.place}.vat"
            )


def _reservations(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    cancelling = compiled.reservations[ReservationRestrictionType.RESERVATION_CANCELLATION_FEES]
    for component in compiled.components:
        if cancelling >> component.element & 1 and component.wire.type is TIME:
            sentence = "Cancelling costs a fixed fee only: this price of time is not used."
            yield Finding("unreachable_element", Level.WARNING, sentence, component.place)


def _validity(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    tariff = compiled.tariff
    start, end = tariff.start_date_time, tariff.end_date_time
    if start is not None and end is not None and start >= end:
        sentence = "The tariff ends before it begins: it is never valid."
        yield Finding("never_valid", Level.ERROR, sentence, "end_date_time")


def _around(compiled: CompiledTariff, offer: Offer) -> Iterator[Finding]:
    """What needs the connectors that offer the tariff."""
    tariff = compiled.tariff
    ad_hoc = (None, TariffType.AD_HOC_PAYMENT)
    if offer.others is not None and tariff.type not in ad_hoc and not any(each.type in ad_hoc for each in offer.others):
        sentence = "Its connectors have no tariff of type AD_HOC_PAYMENT: who pays at the charge point finds no price."
        yield Finding("ad_hoc_twin_missing", Level.WARNING, sentence, "type")
    if offer.has_terminal and tariff.type in ad_hoc and tariff.preauthorize_amount is None:
        sentence = "A payment terminal reserves this amount on the card; without it the terminal has to guess."
        yield Finding("preauthorize_amount_missing", Level.WARNING, sentence, "preauthorize_amount")


CHECKS: tuple[Callable[[CompiledTariff, Offer], Iterator[Finding]], ...] = (
    _of_situations,
    _duplicates,
    _limits,
    _steps,
    _windows,
    _taxes,
    _reservations,
    _validity,
    _around,
)
