"""Keyed hashes for finding people."""

import pytest

from privacy.lookup import LookupHashes
from privacy.testing import NORTH, SOUTH
from vocabulary.email import parse_email
from vocabulary.oms import parse_oms
from vocabulary.phone import parse_phone
from vocabulary.snils import parse_snils

HASHES = LookupHashes(b"s" * 32)


def test_a_value_is_found_however_it_is_written() -> None:
    hashed = HASHES.phone(NORTH, parse_phone("+79161234567"))
    assert HASHES.phone(NORTH, parse_phone("8 (916) 123-45-67")) == hashed
    assert len(hashed) == 64


def test_tenants_kinds_and_secrets_have_nothing_in_common() -> None:
    digits = "11223344595"
    hashes = {
        HASHES.snils(NORTH, parse_snils(digits)),
        HASHES.snils(SOUTH, parse_snils(digits)),
        LookupHashes(b"t" * 32).snils(NORTH, parse_snils(digits)),
        HASHES.phone(NORTH, parse_phone("+79161234567")),
        HASHES.email(NORTH, parse_email("anna@example.ru")),
        HASHES.oms(NORTH, parse_oms("7757310834123450")),
        HASHES.oms(NORTH, parse_oms("123456789")),
    }
    assert len(hashes) == 7


def test_hashes_are_the_same_in_every_process() -> None:
    assert HASHES.email(NORTH, parse_email("anna@example.ru")) == (
        "4473496a72466a0bd3a2dcd2cf6983b5af3ce7ea48ece14b91c2442d2894f1c3"
    )


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LookupHashes(b"s" * 31)
