"""OMS: numbers of the obligatory medical insurance policy."""

import re
from datetime import date
from enum import StrEnum
from typing import NewType

from vocabulary.errors import InvalidValue
from vocabulary.people import Sex

OmsNumber = NewType("OmsNumber", str)
"""A normalised policy number; `oms_kind` tells which of the three kinds it is."""

_SEPARATORS = re.compile(r"[\s-]+")
_PAPER = re.compile(r"[0-9A-ZА-ЯЁ]{1,15}( [0-9A-ZА-ЯЁ]{1,15}){0,3} [0-9]{3,15}")


class InvalidOms(InvalidValue):
    """The text is none of the three kinds of policy number, or a unified number is mistyped."""

    code = "OMS_INVALID"


class OmsKind(StrEnum):
    """The three kinds of policy number in use."""

    UNIFIED = "UNIFIED"
    TEMPORARY = "TEMPORARY"
    PAPER = "PAPER"


class OmsMismatch(StrEnum):
    """What a unified number says otherwise than the card; a hint, for old numbers have errors."""

    BIRTH_DATE = "OMS_BIRTH_DATE_MISMATCH"
    SEX = "OMS_SEX_MISMATCH"


def parse_oms(text: str) -> OmsNumber:
    """Read a policy number as written; raises `InvalidOms`.

    Sixteen digits are a unified number (ENP), checked by Luhn's rule; nine are a temporary
    certificate; an old paper policy is a series and a number with a space or hyphen between.
    """
    groups = _SEPARATORS.sub(" ", text.strip().upper())
    digits = groups.replace(" ", "")
    if re.fullmatch(r"[0-9]{16}", digits):
        if not _luhn(digits):
            raise InvalidOms("the control digit of the unified number does not fit")
        return OmsNumber(digits)
    if re.fullmatch(r"[0-9]{9}", digits):
        return OmsNumber(digits)
    # Digits alone, nearly as many as a unified number has, are one with a digit lost or added.
    mistyped = digits.isdecimal() and len(digits) >= 14
    if mistyped or not _PAPER.fullmatch(groups):
        raise InvalidOms("a policy number has 16 digits, 9 digits, or a series and a number")
    return OmsNumber(groups)


def oms_kind(number: OmsNumber) -> OmsKind:
    """Which kind of policy a normalised number belongs to."""
    if " " in number:
        return OmsKind.PAPER
    return OmsKind.UNIFIED if len(number) == 16 else OmsKind.TEMPORARY


def oms_mismatches(number: OmsNumber, *, birth_date: date, sex: Sex) -> frozenset[OmsMismatch]:
    """What a unified number says otherwise than the card; nothing for the other kinds.

    Only ever a warning: numbers with errors were given out and stay valid.
    """
    if oms_kind(number) is not OmsKind.UNIFIED:
        return frozenset()
    encoded_birth, encoded_sex = _decode(number)
    found = set()
    if encoded_birth != (birth_date.year, birth_date.month, birth_date.day):
        found.add(OmsMismatch.BIRTH_DATE)
    if encoded_sex is not sex:
        found.add(OmsMismatch.SEX)
    return frozenset(found)


def _decode(number: OmsNumber) -> tuple[tuple[int, int, int], Sex]:
    """Year, month and day of birth, and sex, from digits 3 to 10 (each a complement to nine).

    In order: month, year reversed, day. The month is raised by 20 for births to 1950 and by 40
    for 1951 to 2000, the day by 50 for men.
    """
    plain = "".join(str(9 - int(digit)) for digit in number[2:10])
    month, year, day = int(plain[:2]), int(plain[5:1:-1]), int(plain[6:])
    raised = 20 if year <= 1950 else 40 if year <= 2000 else 0
    if day > 50:
        return (year, month - raised, day - 50), Sex.MALE
    return (year, month - raised, day), Sex.FEMALE


def _luhn(digits: str) -> bool:
    plain = sum(int(digit) for digit in digits[-1::-2])
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (plain + doubled) % 10 == 0
