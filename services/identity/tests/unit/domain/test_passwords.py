"""What a password must be."""

import pytest

from identity.domain.passwords import PasswordFault, password_fault


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("abcdefg", PasswordFault.TOO_SHORT),
        ("abcdefgh", None),
        ("x" * 64 + "abcdefgh" * 8, None),
        ("x" * 65 + "abcdefgh" * 8, PasswordFault.TOO_LONG),
        ("aaaabbbbccccdddd", PasswordFault.TOO_SIMPLE),
        ("aaaabbbbccccddde", None),
        ("my ANNA.ivanova pass", PasswordFault.LIKE_LOGIN),
        ("пароль подлиннее", None),
    ],
)
def test_a_password_is_long_enough_and_not_too_easy(
    password: str, fault: PasswordFault | None
) -> None:
    assert password_fault(password, login="anna.ivanova@example.com", min_length=8) is fault


def test_a_short_login_may_be_part_of_a_password() -> None:
    assert password_fault("bob the builder", login="bob@example.com", min_length=8) is None


def test_the_tenant_may_want_longer_ones() -> None:
    assert password_fault("abcdefghijk", login="x@y.ru", min_length=12) is PasswordFault.TOO_SHORT
