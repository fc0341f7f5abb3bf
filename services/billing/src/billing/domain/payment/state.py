"""What a payment remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from billing.domain.details import PaymentDetails
from billing.domain.payment.events import (
    AnotherAmountReported,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    PaymentFailed,
    PaymentRedirectIssued,
    PaymentStarted,
    PaymentSucceeded,
)
from vocabulary.money import Money

__all__ = ["Closed", "Open", "Outcome", "Payment", "Succeeded", "Unknown", "evolve"]


class Outcome(StrEnum):
    """How a payment ended without money (BIL-12)."""

    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """CREATED until the provider has it, PENDING while the payer is on the provider's page.

    `reported` is another sum that the provider has spoken of last.
    """

    payment: PaymentDetails
    expires_at: datetime
    provider_payment_id: str | None = None
    confirmation_url: str | None = None
    reported: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The money is there: for ever."""

    payment: PaymentDetails
    provider_payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Ended without money, unless the provider proves that some came."""

    payment: PaymentDetails
    outcome: Outcome
    provider_payment_id: str | None
    reported: Money | None = None


Payment = Unknown | Open | Succeeded | Closed


def evolve(state: Payment, event: PaymentEvent) -> Payment:
    match event:
        case PaymentStarted():
            return Open(payment=event.payment, expires_at=event.expires_at)
        case PaymentRedirectIssued():
            return _pending(state, event)
        case PaymentSucceeded():
            return Succeeded(payment=event.payment, provider_payment_id=event.provider_payment_id)
        case PaymentFailed():
            return _closed(state, event.payment, Outcome.FAILED)
        case PaymentCancelled():
            return _closed(state, event.payment, Outcome.CANCELLED)
        case PaymentExpired():
            return _closed(state, event.payment, Outcome.EXPIRED)
        case AnotherAmountReported():
            match state:
                case Open() | Closed():
                    return replace(state, reported=event.reported)
                case _:
                    return state
        case _:
            assert_never(event)


def _pending(state: Payment, event: PaymentRedirectIssued) -> Payment:
    if not isinstance(state, Open):
        return state
    return replace(
        state,
        payment=event.payment,
        provider_payment_id=event.provider_payment_id,
        confirmation_url=event.confirmation_url,
    )


def _closed(state: Payment, payment: PaymentDetails, outcome: Outcome) -> Closed:
    if not isinstance(state, Open):
        return Closed(payment=payment, outcome=outcome, provider_payment_id=None)
    return Closed(
        payment=payment,
        outcome=outcome,
        provider_payment_id=state.provider_payment_id,
        reported=state.reported,
    )
