"""Wishes about a payment. All but the first and the last only repeat what the provider said when it was asked."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.details import InvoiceLine, PaymentDetails
from vocabulary.money import Money
from vocabulary.sealed import Sealed

__all__ = [
    "CancelPayment",
    "ConfirmPayment",
    "ExpirePayment",
    "FailPayment",
    "PaymentCommand",
    "RegisterProviderPayment",
    "StartPayment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPayment:
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
class RegisterProviderPayment:
    provider_payment_id: str
    confirmation_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPayment:
    provider_payment_id: str
    amount: Money
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPayment:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPayment:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePayment:
    """The time is up; `closed_by_provider` when the provider itself closed its page."""

    now: datetime
    closed_by_provider: bool = False


PaymentCommand = (
    StartPayment
    | RegisterProviderPayment
    | ConfirmPayment
    | FailPayment
    | CancelPayment
    | ExpirePayment
)
