"""Why a payment does not become what was wished."""

from typing import ClassVar

from decider import Rejection
from vocabulary.money import Money

__all__ = ["PaidAnotherAmount", "PaymentNotFound", "ProviderPaymentDiffers"]


class PaymentNotFound(Rejection):
    code: ClassVar[str] = "PAYMENT_NOT_FOUND"


class PaidAnotherAmount(Rejection):
    """The provider reports another sum than the invoice's total (BIL-10): a person must look."""

    code: ClassVar[str] = "PAID_ANOTHER_AMOUNT"

    def __init__(self, *, expected: Money, reported: Money) -> None:
        super().__init__()
        self.expected_kopecks = expected.kopecks
        self.reported_kopecks = reported.kopecks


class ProviderPaymentDiffers(Rejection):
    """The provider has a second payment under the id of this one: a person must look."""

    code: ClassVar[str] = "PROVIDER_PAYMENT_DIFFERS"
