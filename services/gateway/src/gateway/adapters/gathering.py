"""Statements that meet in one process travel together: one round trip and one commit for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

__all__ = ["Gathering", "Keyed"]

_MOST: Final = 64


class Keyed(Protocol):
    """What has a row of its own."""

    @property
    def id(self) -> bytes:
        """The key of the row."""
        ...


Item = TypeVar("Item", bound=Keyed)
Answer = TypeVar("Answer")


class Gathering(Generic[Item, Answer]):
    """One batch is out at a time; what comes meanwhile goes together with the next, each row once in a batch.

    A caller that is cancelled takes nobody with it; an error of the database is everybody's in its batch.
    """

    def __init__(self, carry: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]) -> None:
        """`carry` gives an answer for every item, in their order."""
        self._carry = carry
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, item: Item) -> Answer:
        """The answer for one item."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = self._next()
                try:
                    answers = await self._carry([item for item, _ in batch.values()])
                except Exception as error:  # noqa: BLE001 - every caller raises it
                    for _, waiting in batch.values():
                        if not waiting.done():
                            waiting.set_exception(error)
                else:
                    for (_, waiting), answer in zip(batch.values(), answers, strict=True):
                        if not waiting.done():
                            waiting.set_result(answer)
        finally:
            self._working = None

    def _next(self) -> dict[bytes, tuple[Item, asyncio.Future[Answer]]]:
        batch: dict[bytes, tuple[Item, asyncio.Future[Answer]]] = {}
        later = []
        for item, waiting in self._waiting:
            if len(batch) < _MOST and item.id not in batch:
                batch[item.id] = item, waiting
            else:
                later.append((item, waiting))
        self._waiting = later
        return batch
