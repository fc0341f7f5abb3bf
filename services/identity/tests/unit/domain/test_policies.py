"""Policies have sensible defaults and bounds."""

from dataclasses import fields, replace

import pytest

from identity.domain.policies import IdentityPolicies


@pytest.mark.requirement("IDN-10")
def test_the_defaults_of_the_code() -> None:
    rules = IdentityPolicies()
    assert (rules.code_ttl_minutes, rules.code_attempts, rules.code_resend_seconds) == (15, 5, 60)


@pytest.mark.parametrize("name", [field.name for field in fields(IdentityPolicies)])
def test_nonsense_is_refused(name: str) -> None:
    for value in (-1, 10**6):
        with pytest.raises(ValueError, match=name):
            replace(IdentityPolicies(), **{name: value})
