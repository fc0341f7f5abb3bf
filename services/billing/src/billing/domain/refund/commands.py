"""Wishes about a refund."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.details import PaymentDetails, RefundCause
from billing.domain.policies import BillingPolicies
from vocabulary.ids import RefundId
from vocabulary.money import Money

__all__ = [
    "ConfirmRefund",
    "EscalateRefund",
    "FailRefund",
    "RefundCommand",
    "RegisterProviderRefund",
    "RequestRefund",
    "RetryRefund",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund:
    payment: PaymentDetails
    refund_id: RefundId
    cause: RefundCause


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterProviderRefund:
    attempt: int
    provider_refund_id: str
    policies: BillingPolicies
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRefund:
    provider_refund_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class FailRefund:
    """The provider refused this try."""

    attempt: int
    reason: str
    policies: BillingPolicies
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateRefund:
    """The provider has not decided in time."""

    attempt: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRefund:
    """Begin the next try: when its pause is over, or at once `by_person`."""

    now: datetime
    by_person: bool = False


RefundCommand = (
    RequestRefund
    | RegisterProviderRefund
    | ConfirmRefund
    | FailRefund
    | EscalateRefund
    | RetryRefund
)
