"""Why a session is not prolonged."""

from typing import ClassVar

from decider import Rejection

__all__ = ["RefreshRefused"]


class RefreshRefused(Rejection):
    """The refresh token is none, was spent, or its session is over; which one is not told."""

    code: ClassVar[str] = "REFRESH_TOKEN_INVALID"
