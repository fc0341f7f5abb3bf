"""Why a registration does not go on."""

from typing import ClassVar

from decider import Rejection
from identity.domain.registration_attempt.events import RegistrationClosure

__all__ = [
    "CodeExpired",
    "CodesUsedUp",
    "RegistrationOver",
    "ResendTooEarly",
    "UnknownRegistration",
]


class UnknownRegistration(Rejection):
    """There is no such registration."""

    code: ClassVar[str] = "REGISTRATION_UNKNOWN"


class RegistrationOver(Rejection):
    """The registration has ended: with an account (no `closure`) or without."""

    code: ClassVar[str] = "REGISTRATION_OVER"

    def __init__(self, *, closure: RegistrationClosure | None) -> None:
        super().__init__()
        self.closure = closure


class CodeExpired(Rejection):
    """The code was good for a while only; another one can be sent."""

    code: ClassVar[str] = "CODE_EXPIRED"


class ResendTooEarly(Rejection):
    """The next code can be sent after `retry_after_seconds`."""

    code: ClassVar[str] = "RESEND_TOO_EARLY"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class CodesUsedUp(Rejection):
    """As many codes were sent as one registration may have."""

    code: ClassVar[str] = "CODES_USED_UP"
