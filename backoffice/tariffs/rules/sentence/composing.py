"""From the elements of a tariff to phrases: what is priced, when, in which order, and what limits and taxes do.

One phrase for each dimension, its prices in the order in which they are tried. Nothing of a price is left out: steps
that a driver would notice are told too.
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import groupby

from backoffice.tariffs.rules.compiled import WEEK, compile_tariff
from backoffice.tariffs.rules.exact import plain
from backoffice.tariffs.rules.sentence.languages import LANGUAGES, Language
from backoffice.tariffs.rules.situations import situations, winning
from ocpi.wire.tariffs import (
    PriceComponent,
    PriceLimit,
    ReservationRestrictionType,
    Tariff,
    TariffDimensionType,
    TariffRestrictions,
    TaxIncluded,
)
from ocpi.wire.types import DisplayText

Priced = tuple[PriceComponent, TariffRestrictions | None]

ORDER = (
    TariffDimensionType.ENERGY,
    TariffDimensionType.TIME,
    TariffDimensionType.PARKING_TIME,
    TariffDimensionType.FLAT,
)
MOST_IN_A_SENTENCE = 3
"""Dimensions; more make a list."""

LONGEST = 512  # DisplayText.text
_MINUTE, _HOUR = 60, 3600
_CENT = Decimal("0.01")
_WIDE = Context(prec=64)
_NOTICED_WH, _NOTICED_SECONDS = 100, 60
"""Steps above these are told."""


def sentence(tariff: Tariff, language: str = "en") -> str:
    """The whole tariff in one text without line breaks."""
    priced, terms = phrases(tariff, language)
    words = LANGUAGES[language]
    between = words.plus if len(priced) <= MOST_IN_A_SENTENCE and not any("; " in each for each in priced) else ". "
    if between == ". ":
        return ". ".join(_capital(each) for each in [*priced, *terms]).removesuffix(".") + "."
    return _capital(", ".join([between.join(priced), *terms]))


def alt_texts(tariff: Tariff) -> list[DisplayText]:
    """`tariff_alt_text` as it should be: what staff wrote, else the sentence in each language. A sentence that does not
    fit is left out: cut, it would name a wrong price.
    """
    if tariff.tariff_alt_text:
        return tariff.tariff_alt_text
    texts = ((code, sentence(tariff, code)) for code in LANGUAGES)
    return [DisplayText(language=code, text=text) for code, text in texts if len(text) <= LONGEST]


def is_told_by_us(tariff: Tariff, text: DisplayText) -> bool:
    """Whether nobody wrote this text: it is the sentence of this very tariff, which another price makes untrue."""
    return text.language in LANGUAGES and text.text == sentence(tariff, text.language)


def renewed(tariff: Tariff, before: Tariff) -> list[str | None]:
    """Each text of a tariff that was `before`: our sentences follow the prices, what staff wrote stays. None: too long."""
    told: list[str | None] = []
    for text in tariff.tariff_alt_text:
        new = sentence(tariff, text.language) if is_told_by_us(before, text) else text.text
        told.append(new if len(new) <= LONGEST else None)
    return told


def phrases(tariff: Tariff, language: str = "en") -> tuple[list[str], list[str]]:
    """The prices, one phrase each, and the terms (limits and taxes)."""
    words = LANGUAGES[language]
    if not any(component.price for element in tariff.elements for component in element.price_components):
        terms = [_limit(words.at_least, tariff.min_price, tariff, words)] if tariff.min_price else []
        return [words.free_of_charge], terms
    used = _used(tariff)
    priced = [
        phrase
        for reservation in (None, *ReservationRestrictionType)
        for kind in ORDER
        if (phrase := _dimension(_of(tariff, kind, reservation, used), reservation, tariff.currency, words))
    ]
    terms = []
    if tariff.min_price is not None:
        terms.append(_limit(words.at_least, tariff.min_price, tariff, words))
    if tariff.max_price is not None:
        terms.append(_limit(words.at_most, tariff.max_price, tariff, words))
    return priced, [*terms, _taxes(tariff, words)]


def _used(tariff: Tariff) -> set[tuple[int, int]] | None:
    """The places of the prices that can ever be charged; None if the tariff is too large to say."""
    compiled = compile_tariff(tariff)
    found = situations(compiled)
    return None if found is None else {(each.element, each.position) for each in winning(compiled, found)}


def _of(
    tariff: Tariff,
    kind: TariffDimensionType,
    reservation: ReservationRestrictionType | None,
    used: set[tuple[int, int]] | None,
) -> list[Priced]:
    """The prices of a dimension in the order in which they are tried, up to the first that always holds."""
    found: list[Priced] = []
    for index, element in enumerate(tariff.elements):
        restrictions = element.restrictions
        if (restrictions.reservation if restrictions is not None else None) != reservation:
            continue
        own = ((number, each) for number, each in enumerate(element.price_components) if each.type is kind)
        position, component = next(own, (0, None))
        if component is not None and (used is None or (index, position) in used):
            found.append((component, restrictions))
            if restrictions is None or not _told(restrictions):
                break
    return found


def _told(restrictions: TariffRestrictions) -> bool:
    names = set(TariffRestrictions.model_fields) - {"reservation"}
    return any(getattr(restrictions, name) not in (None, []) for name in names)


def _dimension(
    prices: list[Priced], reservation: ReservationRestrictionType | None, currency: str, words: Language
) -> str:
    """Empty if nothing is priced, or everything at zero without a difference."""
    if not any(component.price for component, _ in prices):
        return ""
    told = []
    by_minute = all(_is_whole_cents(component) for component, _ in prices)
    for index, (component, restrictions) in enumerate(prices):
        price = _price(component, reservation, currency, words, by_minute=by_minute)
        when = list(_when(restrictions, words)) if restrictions is not None else []
        if index and not when:
            price = f"{words.otherwise} {price}"
        told.append(" ".join([price, *when]))
    return "; ".join(told)


def _is_whole_cents(component: PriceComponent) -> bool:
    """Whether the price of an hour is whole cents a minute, which is easier to imagine."""
    by_minute = _WIDE.divide(component.price, Decimal(_MINUTE))
    return by_minute == by_minute.quantize(_CENT, context=_WIDE)


def _price(
    component: PriceComponent,
    reservation: ReservationRestrictionType | None,
    currency: str,
    words: Language,
    *,
    by_minute: bool,
) -> str:
    kind = component.type
    if kind is TariffDimensionType.ENERGY:
        template, minute, free = words.energy, "", words.energy_free
    elif kind is TariffDimensionType.FLAT:
        template, minute = (words.flat, "") if reservation is None else (words.reserving_flat, "")
        free = words.flat_free if reservation is None else words.reserving_free
    elif reservation is not None:
        template, minute, free = words.reserving_hour, words.reserving_minute, words.reserving_free
    elif kind is TariffDimensionType.TIME:
        template, minute, free = words.time_hour, words.time_minute, words.time_free
    else:
        template, minute, free = words.parking_hour, words.parking_minute, words.parking_free
    outcome = {
        ReservationRestrictionType.RESERVATION_EXPIRES: words.expires,
        ReservationRestrictionType.RESERVATION_CANCELLATION_FEES: words.cancelled,
        ReservationRestrictionType.RESERVATION_OVERTIME: words.overtime,
    }
    text = free
    if component.price:
        if minute and by_minute:
            text = minute.format(_money(_WIDE.divide(component.price, Decimal(_MINUTE)), currency, words))
        else:
            text = template.format(_money(component.price, currency, words))
        text += _steps(component, words)
    after = outcome.get(reservation) if reservation is not None else None
    return f"{text}, {after}" if after else text


def _steps(component: PriceComponent, words: Language) -> str:
    step = component.step_size
    if component.type is TariffDimensionType.ENERGY and step > _NOTICED_WH:
        size = f"{_number(Decimal(step) / 1000, words)} kWh"
    elif component.type in (TariffDimensionType.TIME, TariffDimensionType.PARKING_TIME) and step > _NOTICED_SECONDS:
        size = _duration(step, words)
    else:
        return ""
    return f" ({words.steps.format(size)})"


def _when(each: TariffRestrictions, words: Language) -> Iterator[str]:
    if each.day_of_week:
        yield _days([WEEK.index(name) for name in each.day_of_week], words)
    if each.start_time is not None or each.end_time is not None:
        end = each.end_time if each.end_time not in (None, "00:00") else "24:00"
        yield words.window.format(each.start_time or "00:00", end)
    if each.start_date is not None:
        yield words.from_date.format(each.start_date)
    if each.end_date is not None:
        yield words.before_date.format(each.end_date)
    least, most = each.min_duration, each.max_duration
    if least and most is not None:
        yield words.between.format(_duration(least, words), _duration(most, words))
    elif least:
        yield words.after.format(_duration(least, words))
    elif most is not None:
        yield words.first.format(_duration(most, words))
    yield from _range(each.min_kwh, each.max_kwh, (words.kwh_from, words.kwh_up_to, words.kwh_between), words)
    for unit, low, high in (("A", each.min_current, each.max_current), ("kW", each.min_power, each.max_power)):
        templates = (
            words.at_or_above.replace("{1}", unit),
            words.below.replace("{1}", unit),
            words.from_below.replace("{2}", unit),
        )
        yield from _range(low, high, templates, words)


def _range(
    least: Decimal | None, most: Decimal | None, templates: tuple[str, str, str], words: Language
) -> Iterator[str]:
    if least and most is not None:
        yield templates[2].format(_number(least, words), _number(most, words))
    elif least:
        yield templates[0].format(_number(least, words))
    elif most is not None:
        yield templates[1].format(_number(most, words))


def _days(numbers: list[int], words: Language) -> str:
    """Three or more in a row are a range."""
    told = []
    for _, run in groupby(enumerate(sorted(set(numbers))), key=lambda each: each[1] - each[0]):
        days = [number for _, number in run]
        if len(days) > 2:
            told.append(words.day_range.format(words.days[days[0]], words.days[days[-1]]))
        else:
            told += [words.days[number] for number in days]
    return words.list_and.join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else told[0]


def _duration(seconds: int, words: Language) -> str:
    if seconds == _HOUR:
        return words.hour
    if seconds == _MINUTE:
        return words.minute
    if seconds % _HOUR == 0 and seconds:
        return words.hours.format(seconds // _HOUR)
    if seconds % _MINUTE == 0:
        return words.minutes.format(seconds // _MINUTE)
    return words.seconds.format(seconds)


def _limit(template: str, limit: PriceLimit, tariff: Tariff, words: Language) -> str:
    """The amount that compares with the prices: with taxes where they have them."""
    amount = limit.before_taxes
    if tariff.tax_included is TaxIncluded.YES and limit.after_taxes is not None:
        amount = limit.after_taxes
    return template.format(_money(amount, tariff.currency, words))


def _taxes(tariff: Tariff, words: Language) -> str:
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return words.no_tax
    priced = [each for element in tariff.elements for each in element.price_components if each.price]
    rates = {each.vat for each in priced}
    included = tariff.tax_included is TaxIncluded.YES
    if rates == {None}:
        return words.taxes_in if included else words.taxes_on_top
    rate = rates.pop() if len(rates) == 1 else None
    if rate is None:
        return words.tax_in if included else words.tax_on_top
    stated = f"{_number(rate, words)}{words.percent}"
    return (words.tax_in_rate if included else words.tax_on_top_rate).format(stated)


def _money(amount: Decimal, currency: str, words: Language) -> str:
    """At least two decimals, as prices are written."""
    written = plain(amount)
    whole, _, decimals = written.partition(".")
    decimals = decimals.ljust(2, "0") if decimals else ""
    return f"{currency} {whole}{words.decimal_mark + decimals if decimals else ''}"


def _number(value: Decimal, words: Language) -> str:
    return plain(value).replace(".", words.decimal_mark)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
