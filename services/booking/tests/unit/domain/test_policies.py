"""What a tenant may settle about booking, and within which bounds."""

from uuid import UUID

import pytest

from booking.domain.details import PaymentMode
from booking.domain.policies import BookingPolicies
from vocabulary.ids import ServiceId

SERVICE = ServiceId(UUID(int=1))


def test_a_service_may_have_its_own_payment_mode() -> None:
    policies = BookingPolicies(service_payment_modes={SERVICE: PaymentMode.FREE})
    assert policies.payment_mode_of(SERVICE) is PaymentMode.FREE
    assert policies.payment_mode_of(ServiceId(UUID(int=2))) is PaymentMode.PAY_TO_BOOK


@pytest.mark.requirement("OPS-15")
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("hold_minutes", 1, 1440),
        ("cancel_window_minutes", 0, 43_200),
        ("unconfirmed_limit", 1, 100),
        ("schedule_horizon_days", 1, 366),
    ],
)
def test_policies_have_bounds(name: str, least: int, most: int) -> None:
    for fits in (least, most):
        BookingPolicies(**{name: fits})  # type: ignore[arg-type]  # the names stand in the table
    for wrong in (least - 1, most + 1):
        with pytest.raises(ValueError, match=name):
            BookingPolicies(**{name: wrong})  # type: ignore[arg-type]  # the names stand in the table
