"""Why nobody may try now."""

from typing import ClassVar

from decider import Rejection

__all__ = ["TooManyAttempts"]


class TooManyAttempts(Rejection):
    """Too many attempts failed lately; the next one may come after `retry_after_seconds`."""

    code: ClassVar[str] = "TOO_MANY_ATTEMPTS"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds
