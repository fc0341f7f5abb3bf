"""Refresh tokens and hashes that only the holder of the root secret can make."""

from uuid import UUID

import pytest

from identity.adapters.secrets import derived_secrets
from identity.application.ports import PresentedRefresh
from vocabulary.ids import SessionId, TenantId

NORTH, SOUTH = TenantId("north"), TenantId("south")
SESSION = SessionId(UUID(int=7))
ours, theirs = derived_secrets(b"1" * 32), derived_secrets(b"2" * 32)
token = ours.refresh_tokens.make(NORTH, SESSION, 3)


def test_a_refresh_token_says_what_it_was_made_of() -> None:
    assert ours.refresh_tokens.read(NORTH, token) == PresentedRefresh(
        session_id=SESSION, generation=3
    )
    assert ours.refresh_tokens.make(NORTH, SESSION, 3) == token


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "a.b.c",
        "тест.0.тест",
        token[:-1],
        token.replace(".3.", ".4."),
        token.replace("7.3.", "8.3."),
        theirs.refresh_tokens.make(NORTH, SESSION, 3),
    ],
)
def test_a_refresh_token_cannot_be_made_elsewhere(forged: str) -> None:
    assert ours.refresh_tokens.read(NORTH, forged) is None


def test_a_refresh_token_is_worth_nothing_with_another_tenant() -> None:
    assert ours.refresh_tokens.read(SOUTH, token) is None


def test_a_hash_belongs_to_its_attempt_its_tenant_and_its_secret() -> None:
    hashes = {
        secrets.hashes.code(UUID(int=attempt), "123456")
        for secrets in (ours, theirs)
        for attempt in (1, 2)
    } | {
        secrets.hashes.address(tenant, "10.0.0.1")
        for secrets in (ours, theirs)
        for tenant in (NORTH, SOUTH)
    }
    assert len(hashes) == 8


def test_a_first_password_is_the_same_for_the_same_account() -> None:
    first = ours.hashes.first_password(UUID(int=1))
    assert first == ours.hashes.first_password(UUID(int=1))
    assert len({first, ours.hashes.first_password(UUID(int=2))}) == 2
    assert len(first) == 16


def test_a_code_has_six_digits() -> None:
    codes = {ours.new_code() for _ in range(50)}
    assert len(codes) > 1
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
