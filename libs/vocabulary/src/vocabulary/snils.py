"""SNILS: the number of a person in the Russian pension insurance."""

import re
from typing import NewType

from vocabulary.errors import InvalidValue

Snils = NewType("Snils", str)
"""Eleven digits without separators."""

_WRITTEN = re.compile(r"(\d{3})[ -]?(\d{3})[ -]?(\d{3})[ -]?(\d{2})", re.ASCII)

# Numbers up to 001-001-998 were given out before control digits were introduced.
_LAST_UNCHECKED = 1_001_998


class InvalidSnils(InvalidValue):
    """The text is not eleven digits, or the control digits do not fit."""

    code = "SNILS_INVALID"


def parse_snils(text: str) -> Snils:
    """Read a SNILS written with or without separators and check its control digits.

    Control digits are the sum of the first nine digits weighted 9 to 1, modulo 101, and 00 for
    100; numbers up to 001-001-998 have none. Raises `InvalidSnils`.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise InvalidSnils("a SNILS has eleven digits")
    digits = "".join(match.groups())
    number, control = digits[:9], int(digits[9:])
    if int(number) > _LAST_UNCHECKED and control != _control(number):
        raise InvalidSnils("the control digits of the SNILS do not fit")
    return Snils(digits)


def format_snils(snils: Snils) -> str:
    """The official form, "112-233-445 95"."""
    return f"{snils[:3]}-{snils[3:6]}-{snils[6:9]} {snils[9:]}"


def _control(number: str) -> int:
    weighted = sum(
        int(digit) * weight for digit, weight in zip(number, range(9, 0, -1), strict=True)
    )
    return weighted % 101 % 100
