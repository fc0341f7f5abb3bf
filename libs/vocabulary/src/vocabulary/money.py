"""Money in whole kopecks; the only currency is the Russian rouble."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from vocabulary.errors import InvalidValue

_DECIMAL = re.compile(r"(\d{1,15})(?:\.(\d{1,2}))?", re.ASCII)


class InvalidMoney(InvalidValue):
    """The amount is negative, not a whole number of kopecks, or not a decimal text."""

    code = "MONEY_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Money:
    """An amount of roubles in kopecks, zero or more; a debt is a fact of its own, not a sign."""

    kopecks: int

    def __post_init__(self) -> None:
        if type(self.kopecks) is not int:
            raise InvalidMoney("kopecks must be a whole number")
        if self.kopecks < 0:
            raise InvalidMoney("money is never negative")

    @classmethod
    def from_decimal_string(cls, text: str) -> Self:
        """Read a provider's amount in roubles, such as "1500", "1500.5" or "1500.00"."""
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise InvalidMoney("an amount looks like 1500.00")
        roubles, fraction = match[1], match[2] or ""
        return cls(kopecks=int(roubles) * 100 + int(fraction.ljust(2, "0")))

    def to_decimal_string(self) -> str:
        """Roubles with exactly two decimals and a dot, as payment providers want them."""
        return f"{self.kopecks // 100}.{self.kopecks % 100:02}"

    def __add__(self, other: "Money") -> "Money":
        return Money(kopecks=self.kopecks + other.kopecks)

    def __sub__(self, other: "Money") -> "Money":
        """The rest; raises `InvalidMoney` when `other` is the larger one."""
        return Money(kopecks=self.kopecks - other.kopecks)

    def __mul__(self, times: int) -> "Money":
        return Money(kopecks=self.kopecks * times)

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return self.kopecks > 0


ZERO = Money(kopecks=0)


def total(amounts: Iterable[Money]) -> Money:
    """The sum of the amounts, `ZERO` for none."""
    return Money(kopecks=sum(amount.kopecks for amount in amounts))
