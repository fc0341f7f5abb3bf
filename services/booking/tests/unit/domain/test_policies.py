"""What a tenant may settle about booking, and within which bounds."""

from uuid import UUID

import pytest

from booking.domain.details import PaymentMode
from booking.domain.policies import BookingPolicies
from vocabulary.ids import BranchId, ServiceId

SERVICE = ServiceId(UUID(int=1))


def test_a_service_may_have_its_own_payment_mode() -> None:
    policies = BookingPolicies(service_payment_modes={SERVICE: PaymentMode.FREE})
    assert policies.payment_mode_of(SERVICE) is PaymentMode.FREE
    assert policies.payment_mode_of(ServiceId(UUID(int=2))) is PaymentMode.PAY_TO_BOOK


@pytest.mark.requirement("BKG-03", "BIL-02")
def test_a_department_is_a_branchs_doctors_of_one_specialty() -> None:
    here, there = BranchId(UUID(int=3)), BranchId(UUID(int=4))
    policies = BookingPolicies(default_services={here: {"Терапевт": SERVICE}})
    assert policies.default_service_of(here, "терапевт") == SERVICE
    assert policies.default_service_of(here, "Хирург") is None
    assert policies.default_service_of(there, "Терапевт") is None


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
