"""Why a message does not go on."""

from typing import ClassVar

from decider import Rejection

__all__ = ["NotTheNextChannel", "NothingToSend"]


class NothingToSend(Rejection):
    """It was never queued, or is finished."""

    code: ClassVar[str] = "NOTHING_TO_SEND"


class NotTheNextChannel(Rejection):
    """Channels are tried in the order of the type, each until it refuses for good."""

    code: ClassVar[str] = "NOT_THE_NEXT_CHANNEL"
