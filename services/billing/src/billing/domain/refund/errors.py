"""Why a refund does not become what was wished."""

from typing import ClassVar

from decider import Rejection
from vocabulary.money import Money

__all__ = ["RefundNotFound", "RefundedAnotherAmount"]


class RefundNotFound(Rejection):
    code: ClassVar[str] = "REFUND_NOT_FOUND"


class RefundedAnotherAmount(Rejection):
    """The provider gave back another sum than the whole (BIL-44): a person must look."""

    code: ClassVar[str] = "REFUNDED_ANOTHER_AMOUNT"

    def __init__(self, *, expected: Money, reported: Money) -> None:
        super().__init__()
        self.expected_kopecks = expected.kopecks
        self.reported_kopecks = reported.kopecks
