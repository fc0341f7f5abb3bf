"""Policies that make no sense are refused when they are set."""

from typing import Any

import pytest

from billing.domain.policies import BillingPolicies


def test_the_defaults_are_those_of_the_requirements() -> None:
    assert BillingPolicies().refund_retry_minutes == (1, 5, 30, 120)


@pytest.mark.requirement("BIL-42")
def test_the_window_of_refunds_is_not_settled_here_a_second_time() -> None:
    assert not hasattr(BillingPolicies(), "refund_window_minutes")


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_minutes": 0},
        {"refund_overdue_hours": 0},
        {"late_payment_watch_minutes": -1},
        {"refund_retry_minutes": (1, 0)},
        {"receipt_vat_code": 0},
        {"receipt_vat_code": 13},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        BillingPolicies(**wrong)
