"""What a password must be: long enough and not too easy. No rules of composition (NIST SP 800-63B, 5.1.1.2)."""

from enum import StrEnum

__all__ = ["LONGEST", "PasswordFault", "password_fault"]

LONGEST = 128
_FEWEST_CHARACTERS = 5
_SHORTEST_PART = 4


class PasswordFault(StrEnum):
    """Why a password is refused."""

    TOO_SHORT = "PASSWORD_TOO_SHORT"
    TOO_LONG = "PASSWORD_TOO_LONG"
    TOO_SIMPLE = "PASSWORD_TOO_SIMPLE"
    LIKE_LOGIN = "PASSWORD_LIKE_LOGIN"


def password_fault(password: str, *, login: str, min_length: int) -> PasswordFault | None:
    """The first thing that is wrong with a password for this login, None when nothing is."""
    if len(password) < min_length:
        return PasswordFault.TOO_SHORT
    if len(password) > LONGEST:
        return PasswordFault.TOO_LONG
    if len(set(password)) < _FEWEST_CHARACTERS:
        return PasswordFault.TOO_SIMPLE
    name = login.partition("@")[0].casefold()
    if len(name) >= _SHORTEST_PART and name in password.casefold():
        return PasswordFault.LIKE_LOGIN
    return None
