"""Work that a cancelled caller waits for, so that its clean-up comes after it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def finished(work: Awaitable[R]) -> R:
    """The result of the work; a cancellation arrives when the work has ended."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # marks it as seen: nobody is there to be told
        raise


async def in_thread(work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of blocking work in a thread, which nothing can interrupt."""
    return await finished(asyncio.to_thread(work, *args, **kwargs))
