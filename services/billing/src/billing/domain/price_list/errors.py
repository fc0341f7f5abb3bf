"""Why a price list does not change."""

from typing import ClassVar

from decider import Rejection

__all__ = ["PriceNotPositive", "ServiceCodeTaken", "ServiceNotPriced"]


class ServiceCodeTaken(Rejection):
    """Another service of the branch has this code."""

    code: ClassVar[str] = "SERVICE_CODE_TAKEN"


class PriceNotPositive(Rejection):
    """What costs nothing is not sold."""

    code: ClassVar[str] = "PRICE_NOT_POSITIVE"


class ServiceNotPriced(Rejection):
    """Without a price a service can neither be bought nor prepaid (BIL-01)."""

    code: ClassVar[str] = "SERVICE_NOT_PRICED"
