"""Telephone numbers in E.164 form."""

from typing import NewType

import phonenumbers

from vocabulary.errors import InvalidValue

Phone = NewType("Phone", str)
"""A valid number in E.164 form, such as "+79161234567"."""


class InvalidPhone(InvalidValue):
    """The text is not a telephone number that can exist, or it has an extension."""

    code = "PHONE_INVALID"


def parse_phone(text: str) -> Phone:
    """Read a number as people write it; without a country code it is Russian (8XXXXXXXXXX too)."""
    try:
        number = phonenumbers.parse(text, "RU")
    except phonenumbers.NumberParseException as wrong:
        raise InvalidPhone("not a telephone number") from wrong
    if number.extension or not phonenumbers.is_valid_number(number):
        raise InvalidPhone("not a telephone number")
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
