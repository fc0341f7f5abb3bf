"""Waiting, within a bound, for what processes make of a request."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from event_store import CommandHandler
from service_kit.errors import Unavailable
from vocabulary.ids import TenantId

__all__ = ["settled"]

S = TypeVar("S")
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.1


async def settled(
    handler: CommandHandler[Any, S, Any],
    *,
    tenant: TenantId,
    key: object,
    when: Callable[[S], bool],
    within_seconds: float,
) -> S:
    """The state of an aggregate once `when` holds.

    Raises Unavailable when the time is up: the same request again goes on waiting, for its commands change nothing
    twice.
    """
    deadline, pause = time.monotonic() + within_seconds, _FIRST_PAUSE
    while True:
        state, _ = await handler.load(tenant=tenant, key=key)
        if when(state):
            return state
        if time.monotonic() > deadline:
            raise Unavailable(handler.category)
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
