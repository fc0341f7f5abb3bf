"""Run relays and consumers in a test until nothing is left to do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from messaging.bus import BEGINNING, AssignedPartition, Bus, TopicLike
from messaging.envelope import Envelope
from messaging.pump import Runnable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["drain", "running", "told", "until"]


async def drain(*runnables: Runnable, timeout: float = 10.0) -> None:
    """Run all of them together until no event is left anywhere between them; what is parked stays parked.

    `timeout` in seconds; raises TimeoutError.
    """
    async with running(*runnables), asyncio.timeout(timeout):
        before: list[tuple[int, object]] = []
        while True:
            now = [await runnable.standing() for runnable in runnables]
            # Twice the same: whoever would have made new events for another has not moved in between.
            if now == before and all(behind == 0 for behind, _ in now):
                return
            before = now
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(*runnables: Runnable) -> "AsyncIterator[None]":
    """Have them run beside the body."""
    async with AsyncExitStack() as stack:
        for runnable in runnables:
            stack.push_async_callback(_stop, asyncio.ensure_future(runnable.run()))
        yield


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, timeout: float = 10.0
) -> None:
    """Wait for a condition, `timeout` seconds at most; raises TimeoutError."""
    async with asyncio.timeout(timeout):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.005)


async def told(bus: Bus, topic: TopicLike, *, timeout: float = 10.0) -> list[Envelope]:
    """What stands in a topic now, the events of each partition in their order; raises TimeoutError."""
    found: list[Envelope] = []
    ends = list(await bus.ends(topic))
    reached = [BEGINNING] * len(ends)

    async def work(partition: AssignedPartition) -> None:
        async for batch in partition.batches(after=reached[partition.index]):
            found.extend(delivery.envelope for delivery in batch)
            reached[partition.index] = batch[-1].offset

    reading = asyncio.ensure_future(bus.consume(topic, f"test-{token_hex(4)}", work))
    await until(lambda: reached == ends, timeout=timeout)
    await _stop(reading)
    return found


async def _stop(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
