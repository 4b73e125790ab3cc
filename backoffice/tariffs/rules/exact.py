"""Exact numbers: from Decimal to integers and back to text. The only place of this product that rounds money.

Amounts inside the engine are integers over a common denominator. They are rounded once, when they leave it: half away
from zero, to four decimals in reports, to the minor unit of the currency (ISO 4217) where money is compared or shown.
"""

from decimal import Decimal
from fractions import Fraction
from functools import cache

_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS = {currency: digits for digits, currencies in _BY_EXPONENT.items() for currency in currencies.split()}
"""ISO 4217: digits after the decimal point, where they are not two."""

REPORTED = 4


def exponent(currency: str | None) -> int:
    """Digits after the decimal point of a currency; two where it is unknown."""
    return EXPONENTS.get((currency or "").upper(), 2)


@cache
def minor_unit(currency: str | None) -> Fraction:
    """The smallest amount that can be paid."""
    return Fraction(1, 10 ** exponent(currency))


def rounded(value: Fraction, places: int = REPORTED) -> Fraction:
    """Half away from zero."""
    return Fraction(scaled(value.numerator, value.denominator, places), 10**places)


def decimal(value: Fraction, places: int = REPORTED) -> Decimal:
    """Rounded, as a Decimal with exactly this many places."""
    return Decimal(scaled(value.numerator, value.denominator, places)).scaleb(-places)


def text(numerator: int, denominator: int = 1, places: int = REPORTED) -> str:
    """The quotient in plain notation with exactly this many places."""
    return written(scaled(numerator, denominator, places), places)


def written(number: int, places: int = REPORTED) -> str:
    """So many units of the last place, in plain notation."""
    if not places:
        return str(number)
    digits = str(abs(number)).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def scaled(numerator: int, denominator: int, places: int) -> int:
    """The quotient in units of the last place, half away from zero."""
    scale: int = 10**places
    size = (2 * abs(numerator) * scale + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def plain(value: Decimal) -> str:
    """A number as a person writes it: no exponent, no zeros at the end."""
    written = format(value, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written
