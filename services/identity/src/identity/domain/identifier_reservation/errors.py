"""Why a login is not given away."""

from typing import ClassVar

from decider import Rejection

__all__ = ["LoginTaken"]


class LoginTaken(Rejection):
    """Another account of the tenant has this login."""

    code: ClassVar[str] = "LOGIN_TAKEN"
