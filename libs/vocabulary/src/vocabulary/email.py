"""E-mail addresses in one normal form, so that equal mailboxes compare equal."""

import re
from typing import NewType

from vocabulary.errors import InvalidValue

Email = NewType("Email", str)
"""A lower-case ASCII address; an international domain is in its xn-- form."""

# RFC 5322 dot-atom; quoted local parts and address literals are not used by people.
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


class InvalidEmail(InvalidValue):
    """The text is not an address to which a letter can be sent."""

    code = "EMAIL_INVALID"


def parse_email(text: str) -> Email:
    """Normalise an address: trimmed, lower case, domain in ASCII. Raises `InvalidEmail`.

    The local part is lowered too: RFC 5321 allows mailboxes that differ by case only, but no
    provider in use has them, and people type either.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError as wrong:
        raise InvalidEmail("not an e-mail address") from wrong
    address = f"{local}@{domain}"
    # RFC 5321 4.5.3.1: 64 octets of local part; a path of 256 with its brackets leaves 254.
    fits = len(local) <= 64 and len(address) <= 254
    if not (at and fits and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise InvalidEmail("not an e-mail address")
    return Email(address)
