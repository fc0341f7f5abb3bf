"""Passwords under Argon2id (RFC 9106), in threads, a few at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

from service_kit.errors import Unavailable

__all__ = ["Argon2Cost", "Argon2Passwords"]

T = TypeVar("T")
_LONGEST_QUEUE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    memory_kib: int
    passes: int
    lanes: int


class Argon2Passwords:
    """See `Passwords`. Every text carries its own cost, so the cost may change at any time."""

    def __init__(self, cost: Argon2Cost, *, at_once: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            type=Type.ID,
        )
        self._places, self._at_once, self._inside = asyncio.Semaphore(at_once), at_once, 0
        self._nobodys = self._hasher.hash("a password that nobody has")

    async def conceal(self, password: str) -> str:
        """See `Passwords`."""
        return await self._slowly(lambda: self._hasher.hash(password))

    async def matches(self, concealed: str | None, password: str) -> bool:
        """See `Passwords`."""
        fits = await self._slowly(lambda: self._fits(concealed or self._nobodys, password))
        return fits and concealed is not None

    def _fits(self, concealed: str, password: str) -> bool:
        try:
            return self._hasher.verify(concealed, password)
        except VerificationError:
            return False

    async def _slowly(self, work: Callable[[], T]) -> T:
        if self._inside >= self._at_once + _LONGEST_QUEUE:
            raise Unavailable("passwords", retry_after=2.0)
        self._inside += 1
        try:
            async with self._places:
                return await asyncio.to_thread(work)
        finally:
            self._inside -= 1
