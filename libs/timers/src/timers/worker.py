"""The worker that fires what is due; any number of them share the work."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid5

import asyncpg
import structlog

from decider import Rejection
from event_store import CommandContext, Metadata
from event_store.tracing import current_traceparent, linked
from messaging import Dispatch, send
from read_models import View
from timers.deadlines import Deadline, Elapsed, Timer

__all__ = ["Backlog", "Clock", "TimerWorker"]

_log = structlog.get_logger()

_LOST = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was lost in the middle of an answer
)
_MINUTE = 60.0

_CLAIM = """
UPDATE {table} AS t
SET attempts = t.attempts + 1, not_before = clock_timestamp() + $3::interval
FROM (
    SELECT name, tenant, key FROM {table}
    WHERE due_at <= $1 AND (not_before IS NULL OR not_before <= clock_timestamp())
    AND EXISTS (
        SELECT FROM views.checkpoint AS c
        WHERE c.name = 'timers' AND c.version = $4 AND c.filled_at IS NOT NULL
    )
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
) AS chosen
WHERE t.name = chosen.name AND t.tenant = chosen.tenant AND t.key = chosen.key
RETURNING t.name, t.tenant, t.key, t.generation, t.due_at, t.done, t.attempts,
    t.correlation, t.subject, t.traceparent
"""

_SETTLE = """
UPDATE {table}
SET done = done + 1, due_at = instants[done + 2], attempts = 0, not_before = NULL
WHERE name = $1 AND tenant = $2 AND key = $3 AND generation = $4 AND done = $5
"""

# Only of one's own claim: the pause of a late loser must not shorten the lease of who has claimed since.
_POSTPONE = """
UPDATE {table} SET not_before = clock_timestamp() + $7::interval
WHERE name = $1 AND tenant = $2 AND key = $3 AND generation = $4 AND done = $5 AND attempts = $6
"""

_BACKLOG = """
SELECT name, count(*) FILTER (WHERE due_at > $1) AS coming, count(*) FILTER (WHERE due_at <= $1) AS due,
    count(*) FILTER (WHERE due_at <= $1 AND attempts > 3) AS failing,
    min(due_at) FILTER (WHERE due_at <= $1) AS oldest
FROM {table} WHERE due_at <= $1 + interval '1 day' GROUP BY name
"""


class Clock(Protocol):
    """The service's clock; a virtual one may jump."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one deadline: how many come within a day, are due and not done, fail again and again; the oldest due one."""

    name: str
    coming: int = 0
    due: int = 0
    failing: int = 0
    oldest: datetime | None = None


class TimerWorker:
    """Claims due timers, `batch` at a time, sends their commands side by side, settles them.

    `app` is the application dataclass whose fields the dispatches name. A claim is a lease of `lease_seconds`, not a
    lock, so nothing is held in the database while a command runs; a worker that dies leaves its claims to the others
    when the lease ends, and the repeated command has the same id. A Rejection is an answer: the timer is done. Any
    other error is retried after a growing pause of up to a minute.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        view: View[Timer],
        deadlines: Sequence[Deadline],
        *,
        app: object,
        service: str,
        clock: Clock,
        poll_seconds: float = 0.25,
        lease_seconds: float = 15.0,
        batch: int = 16,
    ) -> None:
        self._pool, self._app, self._service, self._clock = pool, app, service, clock
        self._deadlines = {deadline.name: deadline for deadline in deadlines}
        self._version, self._batch = view.version, batch
        self._poll_seconds, self._lease_seconds = poll_seconds, lease_seconds
        self._claim, self._settle, self._postpone, self._backlog = (
            statement.format(table=view.table)
            for statement in (_CLAIM, _SETTLE, _POSTPONE, _BACKLOG)
        )

    async def run(self) -> None:
        """Fire for ever; cancel it to stop. Survives a lost database."""
        while True:
            try:
                await self.fire_due()
            except _LOST as error:
                _log.warning("timers.waiting", kind=type(error).__name__)
            await asyncio.sleep(self._poll_seconds)

    async def fire_due(self) -> int:
        """Fire what is due now, until nothing is; how many firings were settled."""
        settled = 0
        while True:
            # Counted from before the claim, so it has passed when the lease ends and another worker may claim.
            give_up_at = asyncio.get_running_loop().time() + 0.8 * self._lease_seconds
            claimed = await self._pool.fetch(
                self._claim,
                self._clock.now(),
                self._batch,
                timedelta(seconds=self._lease_seconds),
                self._version,
            )
            if not claimed:
                return settled
            # All come to their end, also beside one that cannot be settled: no next claim runs beside them.
            outcomes = await asyncio.gather(
                *(self._fire(timer, give_up_at) for timer in claimed), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                settled += outcome

    async def backlog(self) -> Sequence[Backlog]:
        """How every deadline stands at this moment."""
        rows = await self._pool.fetch(self._backlog, self._clock.now())
        found = {row["name"]: Backlog(*row) for row in rows}
        return [found.get(name, Backlog(name)) for name in self._deadlines]

    async def _fire(self, timer: asyncpg.Record, give_up_at: float) -> bool:
        place = (timer["name"], timer["tenant"], timer["key"], timer["generation"], timer["done"])
        attempts: int = timer["attempts"]
        try:
            # A command that hangs must not run beside its own repeat.
            async with asyncio.timeout_at(give_up_at):
                with linked(timer["traceparent"], f"fire {timer['name']}"):
                    await self._send(timer)
        except Exception as error:  # noqa: BLE001 - whatever failed is tried again, and seen
            pause = min(2.0 ** (attempts - 1), _MINUTE)
            _log.warning(
                "timers.failed", timer=timer["name"], attempts=attempts, kind=type(error).__name__
            )
            await self._pool.execute(self._postpone, *place, attempts, timedelta(seconds=pause))
            return False
        await self._pool.execute(self._settle, *place)
        return True

    async def _send(self, timer: asyncpg.Record) -> None:
        now = self._clock.now()
        name, index, generation = timer["name"], timer["done"], timer["generation"]
        elapsed = Elapsed(
            name=name,
            tenant=timer["tenant"],
            key=timer["key"],
            at=timer["due_at"],
            index=index,
            generation=generation,
            now=now,
            correlation=timer["correlation"],
            subject=timer["subject"],
        )
        firing = firing_id(elapsed)
        metadata = Metadata(
            tenant=elapsed.tenant,
            actor=f"service:{self._service}",
            role="service",
            time=now,
            correlation=elapsed.correlation,
            causation=generation,
            subject=elapsed.subject,
            traceparent=current_traceparent() or timer["traceparent"],
        )

        def context(reaction: str) -> CommandContext:
            return CommandContext(command_id=uuid5(firing, reaction), metadata=metadata)

        def refused(rejection: Rejection) -> None:
            _log.info("timers.refused", timer=name, code=rejection.code, generation=str(generation))

        answer = self._deadlines[name].fire(elapsed)
        dispatches = [answer] if isinstance(answer, Dispatch) else answer or ()
        await send(dispatches, app=self._app, name=name, context=context, rejected=refused)


def firing_id(elapsed: Elapsed) -> UUID:
    """The same for every repeat of one firing, so that its commands have the same ids."""
    return uuid5(
        elapsed.generation, f"{elapsed.name}/{elapsed.tenant}/{elapsed.key}/{elapsed.index}"
    )
