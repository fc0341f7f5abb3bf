"""Rules of a payment: it ends once, and money that came is never denied."""

from collections.abc import Sequence
from typing import assert_never

from billing.domain.payment.commands import (
    CancelPayment,
    ConfirmPayment,
    ExpirePayment,
    FailPayment,
    PaymentCommand,
    RegisterProviderPayment,
    StartPayment,
)
from billing.domain.payment.errors import (
    PaymentNotFound,
    ProviderPaymentDiffers,
)
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
from billing.domain.payment.state import Closed, Open, Payment, Succeeded, Unknown, evolve
from decider import Decider

__all__ = ["PAYMENT", "decide"]


def decide(command: PaymentCommand, state: Payment) -> Sequence[PaymentEvent]:
    match command:
        case StartPayment():
            return start(command, state)
        case RegisterProviderPayment():
            return register(command, state)
        case ConfirmPayment():
            return confirm(command, state)
        case FailPayment():
            return fail(command, state)
        case CancelPayment():
            return cancel(command, state)
        case ExpirePayment():
            return expire(command, state)
        case _:
            assert_never(command)


def start(command: StartPayment, state: Payment) -> Sequence[PaymentStarted]:
    if not isinstance(state, Unknown):
        return []
    return [
        PaymentStarted(
            payment=command.payment,
            number=command.number,
            lines=command.lines,
            vat_code=command.vat_code,
            return_url=command.return_url,
            receipt_email=command.receipt_email,
            started_at=command.started_at,
            expires_at=command.expires_at,
            watched_until=command.watched_until,
        )
    ]


def register(command: RegisterProviderPayment, state: Payment) -> Sequence[PaymentRedirectIssued]:
    match state:
        case Unknown():
            raise PaymentNotFound
        case Open(provider_payment_id=None):
            return [
                PaymentRedirectIssued(
                    payment=state.payment,
                    provider_payment_id=command.provider_payment_id,
                    confirmation_url=command.confirmation_url,
                )
            ]
        case Open() if state.provider_payment_id != command.provider_payment_id:
            raise ProviderPaymentDiffers
        case Open() | Succeeded() | Closed():
            return []
        case _:
            assert_never(state)


def confirm(
    command: ConfirmPayment, state: Payment
) -> Sequence[PaymentSucceeded | AnotherAmountReported]:
    """Also after the time is up or after a refusal: the provider has the money, so it came.

    Another sum pays nothing, and is kept for a person to see, once for as long as the provider says the same.
    """
    match state:
        case Unknown():
            raise PaymentNotFound
        case Succeeded():
            if state.provider_payment_id != command.provider_payment_id:
                raise ProviderPaymentDiffers
            return []
        case Open() | Closed():
            if command.amount == state.reported:
                return []
            if command.amount != state.payment.amount:
                return [
                    AnotherAmountReported(
                        payment=state.payment,
                        provider_payment_id=command.provider_payment_id,
                        reported=command.amount,
                        paid_at=command.paid_at,
                    )
                ]
            return [
                PaymentSucceeded(
                    payment=state.payment,
                    provider_payment_id=command.provider_payment_id,
                    paid_at=command.paid_at,
                )
            ]
        case _:
            assert_never(state)


def fail(command: FailPayment, state: Payment) -> Sequence[PaymentFailed]:
    opened = _still_open(state)
    return [] if opened is None else [PaymentFailed(payment=opened.payment, reason=command.reason)]


def cancel(command: CancelPayment, state: Payment) -> Sequence[PaymentCancelled]:
    opened = _still_open(state)
    if opened is None:
        return []
    return [PaymentCancelled(payment=opened.payment, reason=command.reason)]


def expire(command: ExpirePayment, state: Payment) -> Sequence[PaymentExpired]:
    opened = _still_open(state)
    if opened is None or not (command.closed_by_provider or command.now >= opened.expires_at):
        return []
    return [PaymentExpired(payment=opened.payment, expired_at=command.now)]


def _still_open(state: Payment) -> Open | None:
    """The payment while it can end without money; what comes late or twice changes nothing (BIL-16)."""
    match state:
        case Unknown():
            raise PaymentNotFound
        case Open():
            return state
        case Succeeded() | Closed():
            return None
        case _:
            assert_never(state)


PAYMENT: Decider[PaymentCommand, Payment, PaymentEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)
