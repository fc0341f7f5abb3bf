"""Why a payment does not become what was wished."""

from typing import ClassVar

from decider import Rejection

__all__ = ["PaymentNotFound", "ProviderPaymentDiffers"]


class PaymentNotFound(Rejection):
    code: ClassVar[str] = "PAYMENT_NOT_FOUND"


class ProviderPaymentDiffers(Rejection):
    """The provider has a second payment under the id of this one: a person must look."""

    code: ClassVar[str] = "PROVIDER_PAYMENT_DIFFERS"
