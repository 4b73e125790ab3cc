"""Contract ids of drivers (EMAID, the recommended form of `Token.contract_id`): their parts and the check digit at their end.

The check digit is that of ISO 15118 and eMI3: each of the first 14 characters gives two bits and two digits of base 3, which are
multiplied with growing powers of two small matrices; the sums make the last character.
"""

from __future__ import annotations

import re

_CONTRACT = re.compile(r"([A-Za-z]{2})-?([A-Za-z0-9]{3})-?([A-Za-z0-9]{9})(-?[A-Za-z0-9])?", re.ASCII)
_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Matrix = tuple[tuple[int, int], tuple[int, int]]
_P1: Matrix = ((0, 1), (1, 1))
_P2: Matrix = ((0, 1), (1, 2))


def check_digit(contract: str) -> str:
    """The 15th character for 14 letters and digits. Raises ValueError for anything else."""
    if not re.fullmatch("[0-9A-Z]{14}", contract):
        raise ValueError("14 letters and digits are expected")
    bits, digits = (0, 0), (0, 0)
    p1, p2 = _P1, _P2
    for sign in contract:
        value = _SIGNS.index(sign)
        bits = _plus(bits, _times((value // 18, value // 9 % 2), p1, 2), 2)
        digits = _plus(digits, _times((value // 3 % 3, value % 3), p2, 3), 3)
        p1, p2 = _product(p1, _P1, 2), _product(p2, _P2, 3)
    # the 15th power of the first matrix is the unit; minus the inverse of that of the second is ((0, 2), (2, 1))
    digits = _times(digits, ((0, 2), (2, 1)), 3)
    return _SIGNS[bits[0] * 18 + bits[1] * 9 + digits[0] * 3 + digits[1]]


def _times(row: tuple[int, int], matrix: Matrix, modulus: int) -> tuple[int, int]:
    (a, b), (c, d) = matrix
    return (row[0] * a + row[1] * c) % modulus, (row[0] * b + row[1] * d) % modulus


def _plus(one: tuple[int, int], other: tuple[int, int], modulus: int) -> tuple[int, int]:
    return (one[0] + other[0]) % modulus, (one[1] + other[1]) % modulus


def _product(one: Matrix, other: Matrix, modulus: int) -> Matrix:
    return _times(one[0], other, modulus), _times(one[1], other, modulus)


def contract_id(country_code: str, party_id: str, instance: str) -> str:
    """A contract id with its check digit, such as `DE-8AA-CA2B3C4D5-L`. `instance`: nine letters and digits."""
    plain = f"{country_code}{party_id}{instance}".upper()
    return f"{country_code}-{party_id}-{instance}-{check_digit(plain)}".upper()


def doubt(contract: str, *, country_code: str, party_id: str) -> str:
    """What is odd about a contract id of this party; empty when nothing is. The form is recommended, not demanded."""
    found = _CONTRACT.fullmatch(contract)
    if found is None:
        return "It does not have the recommended form CC-PID-123456789-X."
    country, party, instance, digit = found.groups()
    if (country.upper(), party.upper()) != (country_code, party_id):
        return f"It begins with {country.upper()}-{party.upper()} and belongs to {country_code}-{party_id}."
    wanted = check_digit(f"{country}{party}{instance}".upper())
    if digit is not None and digit[-1].upper() != wanted:
        return f"Its check digit should be {wanted}."
    return ""
