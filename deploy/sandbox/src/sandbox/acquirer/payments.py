"""The life of a payment and of its refunds: states, deadlines and refusals. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sandbox.acquirer import receipts
from sandbox.acquirer.refusals import invalid
from sandbox.acquirer.requests import CaptureRequest, PaymentRequest, ReceiptData, RefundRequest

PAY_WINDOW = timedelta(hours=1)
HOLD_WINDOW = timedelta(days=7)
LOWEST_KOPECKS = 100
HIGHEST_KOPECKS = {"bank_card": 350_000_00, "sbp": 700_000_00}

PaymentStatus = Literal["pending", "waiting_for_capture", "succeeded", "canceled"]
RefundStatus = Literal["pending", "succeeded", "canceled"]
DeclineReason = Literal[
    "insufficient_funds",
    "general_decline",
    "3d_secure_failed",
    "call_issuer",
    "card_expired",
    "country_forbidden",
    "fraud_suspected",
    "identification_required",
    "invalid_card_number",
    "invalid_csc",
    "issuer_unavailable",
    "payment_method_limit_exceeded",
    "payment_method_restricted",
]
RefundFailure = Literal[
    "general_decline",
    "insufficient_funds",
    "rejected_by_payee",
    "rejected_by_timeout",
    "yoo_money_account_closed",
    "payment_expired",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    party: Literal["merchant", "yoo_money", "payment_network"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment; its wait for the payer or for the capture ends at `due_at`."""

    id: str
    shop_id: str
    asked: PaymentRequest
    amount_kopecks: int
    created_at: datetime
    due_at: datetime | None
    status: PaymentStatus = "pending"
    captured_at: datetime | None = None
    refunded_kopecks: int = 0
    receipt: ReceiptData | None = None
    receipt_registration: receipts.Registration | None = None
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund; `failure` (or its absence: success) is made known at `due_at`."""

    id: str
    shop_id: str
    payment_id: str
    amount_kopecks: int
    created_at: datetime
    due_at: datetime | None
    failure: RefundFailure | None
    description: str | None = None
    receipt: ReceiptData | None = None
    receipt_registration: receipts.Registration | None = None
    status: RefundStatus = "pending"
    cancellation: Cancellation | None = None


def create(
    asked: PaymentRequest, *, payment_id: str, shop_id: str, fiscal: bool, now: datetime
) -> Payment:
    kopecks = asked.amount.kopecks
    if not LOWEST_KOPECKS <= kopecks <= HIGHEST_KOPECKS[asked.method]:
        raise invalid("Amount is outside the limits of the payment method", "amount.value")
    if asked.method == "sbp" and not asked.capture:
        raise invalid("This payment method has no two-step payments", "capture")
    receipts.check(asked.receipt, kopecks, required=fiscal)
    return Payment(
        id=payment_id,
        shop_id=shop_id,
        asked=asked,
        amount_kopecks=kopecks,
        created_at=now,
        due_at=now + PAY_WINDOW,
        receipt=asked.receipt,
        receipt_registration="pending" if asked.receipt else None,
    )


def pay(payment: Payment, now: datetime) -> Payment:
    """The payer pressed "pay"; pressing it again changes nothing."""
    match payment.status:
        case "pending" if payment.asked.capture:
            return replace(payment, status="succeeded", captured_at=now, due_at=None)
        case "pending":
            return replace(payment, status="waiting_for_capture", due_at=now + HOLD_WINDOW)
        case "waiting_for_capture" | "succeeded":
            return payment
        case "canceled":
            raise invalid("The payment is canceled")


def decline(payment: Payment, reason: DeclineReason) -> Payment:
    """The bank of the payer refused; declining again changes nothing."""
    match payment.status:
        case "pending":
            return _canceled(payment, Cancellation(party="payment_network", reason=reason))
        case "canceled":
            return payment
        case "waiting_for_capture" | "succeeded":
            raise invalid("The payment is already paid")


def capture(payment: Payment, asked: CaptureRequest, *, fiscal: bool, now: datetime) -> Payment:
    """Take the held money, or a part of it; the rest goes back to the payer."""
    if payment.status != "waiting_for_capture":
        raise invalid(f"A payment in status {payment.status} cannot be captured")
    kopecks = asked.amount.kopecks if asked.amount else payment.amount_kopecks
    if not LOWEST_KOPECKS <= kopecks <= payment.amount_kopecks:
        raise invalid("Captured amount is greater than the held one, or too small", "amount.value")
    receipt = asked.receipt or payment.receipt
    receipts.check(receipt, kopecks, required=fiscal)
    return replace(
        payment,
        status="succeeded",
        amount_kopecks=kopecks,
        captured_at=now,
        due_at=None,
        receipt=receipt,
        receipt_registration="pending" if receipt else None,
    )


def cancel(payment: Payment) -> Payment:
    if payment.status != "waiting_for_capture":
        raise invalid(f"A payment in status {payment.status} cannot be canceled")
    return _canceled(payment, Cancellation(party="merchant", reason="canceled_by_merchant"))


def expire(payment: Payment) -> Payment:
    """The wait is over: nobody paid, or nobody captured."""
    waited_for = "confirmation" if payment.status == "pending" else "capture"
    return _canceled(payment, Cancellation(party="yoo_money", reason=f"expired_on_{waited_for}"))


def refund(
    payment: Payment,
    asked: RefundRequest,
    *,
    refund_id: str,
    awaiting_kopecks: int,
    fiscal: bool,
    due_at: datetime,
    failure: RefundFailure | None,
    now: datetime,
) -> Refund:
    """Start a refund of what is left after the refunds that succeeded or are still awaited."""
    kopecks = asked.amount.kopecks
    if payment.status != "succeeded":
        raise invalid(f"A payment in status {payment.status} cannot be refunded", "payment_id")
    if kopecks < LOWEST_KOPECKS:
        raise invalid("Refund amount is too small", "amount.value")
    if kopecks > payment.amount_kopecks - payment.refunded_kopecks - awaiting_kopecks:
        raise invalid("Refund amount is greater than what is left to refund", "amount.value")
    # The receipt of a full refund is copied from the payment, a part of it cannot be guessed.
    whole = kopecks == payment.amount_kopecks
    receipt = asked.receipt or (payment.receipt if whole else None)
    receipts.check(receipt, kopecks, required=fiscal)
    return Refund(
        id=refund_id,
        shop_id=payment.shop_id,
        payment_id=payment.id,
        amount_kopecks=kopecks,
        created_at=now,
        due_at=due_at,
        failure=failure,
        description=asked.description,
        receipt=receipt,
        receipt_registration="pending" if receipt else None,
    )


def settle(awaited: Refund, payment: Payment) -> tuple[Refund, Payment]:
    """Make the outcome of an awaited refund known; only success changes the payment."""
    if awaited.failure is None:
        refunded = payment.refunded_kopecks + awaited.amount_kopecks
        return (
            replace(awaited, status="succeeded", due_at=None),
            replace(payment, refunded_kopecks=refunded),
        )
    cancellation = Cancellation(party="payment_network", reason=awaited.failure)
    failed = replace(
        awaited,
        status="canceled",
        due_at=None,
        cancellation=cancellation,
        receipt_registration="canceled" if awaited.receipt else None,
    )
    return failed, payment


def _canceled(payment: Payment, cancellation: Cancellation) -> Payment:
    return replace(
        payment,
        status="canceled",
        due_at=None,
        cancellation=cancellation,
        receipt_registration="canceled" if payment.receipt else None,
    )
