"""Facts of a payment. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.details import InvoiceLine, PaymentDetails
from vocabulary.money import Money
from vocabulary.sealed import Sealed

__all__ = [
    "STORED_NAMES",
    "AnotherAmountReported",
    "PaymentCancelled",
    "PaymentEvent",
    "PaymentExpired",
    "PaymentFailed",
    "PaymentRedirectIssued",
    "PaymentStarted",
    "PaymentSucceeded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStarted:
    """To be asked of the provider, with what its receipt needs (54-FZ)."""

    payment: PaymentDetails
    number: str
    lines: tuple[InvoiceLine, ...]
    vat_code: int
    return_url: str
    receipt_email: Sealed[str]
    started_at: datetime
    expires_at: datetime
    watched_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRedirectIssued:
    """The provider waits for the payer on its own page; no card number ever comes here (BIL-14)."""

    payment: PaymentDetails
    provider_payment_id: str
    confirmation_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSucceeded:
    """The provider says that it has the money. Nothing comes after this."""

    payment: PaymentDetails
    provider_payment_id: str
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    """The provider or the bank refused; `reason` is the provider's code."""

    payment: PaymentDetails
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancelled:
    """Called off on the clinic's side; `reason` is the provider's code."""

    payment: PaymentDetails
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentExpired:
    """Nobody paid in time. Money that the provider reports all the same is still accepted."""

    payment: PaymentDetails
    expired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnotherAmountReported:
    """The provider says that it has money for this payment, but another sum: a person must look (BIL-10)."""

    payment: PaymentDetails
    provider_payment_id: str
    reported: Money
    paid_at: datetime


PaymentEvent = (
    PaymentStarted
    | PaymentRedirectIssued
    | PaymentSucceeded
    | PaymentFailed
    | PaymentCancelled
    | PaymentExpired
    | AnotherAmountReported
)

STORED_NAMES: dict[type[PaymentEvent], str] = {
    PaymentStarted: "PaymentStarted.v1",
    PaymentRedirectIssued: "PaymentRedirectIssued.v1",
    PaymentSucceeded: "PaymentSucceeded.v1",
    PaymentFailed: "PaymentFailed.v1",
    PaymentCancelled: "PaymentCancelled.v1",
    PaymentExpired: "PaymentExpired.v1",
    AnotherAmountReported: "AnotherAmountReported.v1",
}
