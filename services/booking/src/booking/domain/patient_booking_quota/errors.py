"""Why a patient may not have one more booking."""

from typing import ClassVar

from decider import Rejection

__all__ = ["UnconfirmedLimit"]


class UnconfirmedLimit(Rejection):
    """An unconfirmed account has as many bookings with this doctor as it may (BKG-28)."""

    code: ClassVar[str] = "UNCONFIRMED_LIMIT"

    def __init__(self, *, limit: int) -> None:
        super().__init__()
        self.limit = limit
