"""Facts of a refund. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.details import PaymentDetails, RefundCause
from vocabulary.ids import PaymentId, RefundId

__all__ = [
    "STORED_NAMES",
    "RefundEvent",
    "RefundFailed",
    "RefundRequested",
    "RefundRetried",
    "RefundSubmitted",
    "RefundSucceeded",
    "RefundTryFailed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested:
    """The whole sum is to go back: the first try begins."""

    payment: PaymentDetails
    refund_id: RefundId
    cause: RefundCause


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSubmitted:
    """The provider has taken the try and will decide; a person looks after `overdue_at`."""

    payment_id: PaymentId
    refund_id: RefundId
    attempt: int
    provider_refund_id: str
    submitted_at: datetime
    overdue_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundTryFailed:
    """The provider refused; another try begins at `retry_at`."""

    payment_id: PaymentId
    refund_id: RefundId
    attempt: int
    reason: str
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRetried:
    """A further try begins, after its pause or because a person wished it."""

    payment_id: PaymentId
    refund_id: RefundId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed:
    """All tries are used up, or the provider does not decide: a person must act."""

    payment: PaymentDetails
    refund_id: RefundId
    cause: RefundCause
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSucceeded:
    """The provider says that the money went back. Nothing comes after this."""

    payment: PaymentDetails
    refund_id: RefundId
    cause: RefundCause
    provider_refund_id: str


RefundEvent = (
    RefundRequested
    | RefundSubmitted
    | RefundTryFailed
    | RefundRetried
    | RefundFailed
    | RefundSucceeded
)

STORED_NAMES: dict[type[RefundEvent], str] = {
    RefundRequested: "RefundRequested.v1",
    RefundSubmitted: "RefundSubmitted.v1",
    RefundTryFailed: "RefundTryFailed.v1",
    RefundRetried: "RefundRetried.v1",
    RefundFailed: "RefundFailed.v1",
    RefundSucceeded: "RefundSucceeded.v1",
}
