"""Why an account is not changed."""

from typing import ClassVar

from decider import Rejection

__all__ = ["AccountNotRequested", "UnknownAccount"]


class AccountNotRequested(Rejection):
    """Nobody asked for this account, or the answer was given already."""

    code: ClassVar[str] = "ACCOUNT_NOT_REQUESTED"


class UnknownAccount(Rejection):
    """There is no open account of this id."""

    code: ClassVar[str] = "ACCOUNT_UNKNOWN"
