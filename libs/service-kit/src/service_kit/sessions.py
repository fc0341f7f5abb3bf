"""A session guard for the gateway: the sessions that were signed out, asked of identity every half second."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog

from service_kit.clock import Clock
from service_kit.errors import Unavailable
from service_kit.http import ServiceClient

__all__ = ["PolledSessionGuard"]

_PATH: Final = "/internal/sessions/ended"
_log = structlog.get_logger()


class _EndedSession(msgspec.Struct, frozen=True):
    session_id: UUID
    until: datetime


class _Answer(msgspec.Struct, frozen=True):
    items: list[_EndedSession]
    cursor: str


class PolledSessionGuard:
    """See `SessionGuard`. Knows of a sign-out anywhere within one interval, and at once what `end` was told.

    Remembers a session only until its last access token has expired. When identity has not answered for
    `blind_seconds` (of real time), or never did, nothing can be known and `has_ended` raises Unavailable.
    """

    def __init__(
        self,
        identity: ServiceClient,
        clock: Clock,
        *,
        interval_seconds: float = 0.5,
        blind_seconds: float = 30.0,
    ) -> None:
        self._identity, self._clock = identity, clock
        self._interval_seconds, self._blind_seconds = interval_seconds, blind_seconds
        self._ended: dict[UUID, datetime] = {}
        self._cursor = ""
        self._seen_at = float("-inf")

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        identity: ServiceClient,
        clock: Clock,
        *,
        interval_seconds: float = 0.5,
        blind_seconds: float = 30.0,
    ) -> AsyncIterator["PolledSessionGuard"]:
        """A guard that keeps asking for the length of a block."""
        guard = cls(identity, clock, interval_seconds=interval_seconds, blind_seconds=blind_seconds)
        asking = asyncio.create_task(guard.run(), name="session guard")
        try:
            yield guard
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking

    async def has_ended(self, session_id: UUID) -> bool:
        """See `SessionGuard`."""
        await self.check()
        return session_id in self._ended

    def end(self, session_id: UUID, until: datetime) -> None:
        """Refuse a session from now on until its tokens have expired: who saw the sign-out need not wait for it."""
        self._ended[session_id] = until

    async def check(self) -> None:
        """For `Health.add`: raises Unavailable while nothing can be known."""
        if time.monotonic() - self._seen_at > self._blind_seconds:
            raise Unavailable("identity")

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self.ask()
            except Unavailable:
                _log.warning("sessions.unknown", adapter="identity")
            await asyncio.sleep(self._interval_seconds)

    async def ask(self) -> None:
        """Learn of every session that ended since the last time; raises Unavailable."""
        asked_at = time.monotonic()
        while True:
            answer = await self._next()
            self._ended |= {row.session_id: row.until for row in answer.items}
            self._cursor = answer.cursor
            if not answer.items:
                break
        now = self._clock.now()
        self._ended = {name: until for name, until in self._ended.items() if until > now}
        self._seen_at = asked_at

    async def _next(self) -> _Answer:
        answer = await self._identity.request(
            "GET", _PATH, tenant=None, params={"after": self._cursor}
        )
        if not answer.is_success:
            raise Unavailable("identity")
        try:
            return msgspec.json.decode(answer.content, type=_Answer)
        except msgspec.MsgspecError:
            raise Unavailable("identity") from None
