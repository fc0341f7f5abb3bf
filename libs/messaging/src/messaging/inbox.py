"""The inbox port: how far a consumer is, and what had to step aside. One state machine for every consumer.

A flow is one partition of one source as one consumer reads it. Its mark is the highest source position that is done:
handled, or parked. Keys that failed have stepped aside: their events are parked in order and tried again, in order,
while other keys go on.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from messaging.envelope import Envelope

__all__ = [
    "NO_INSTANCES",
    "Apply",
    "Attempt",
    "Claim",
    "Fenced",
    "Flow",
    "FlowPosition",
    "Inbox",
    "Instances",
    "OpenInstance",
    "OpenInstances",
    "ParkedKey",
    "Progress",
    "StepAside",
]

Apply: TypeAlias = Callable[[Any], Awaitable[None]]
"""Writes an effect through the given connection, in the transaction of the position (None in memory).

The connection belongs to the adapter, hence Any.
"""


class Fenced(Exception):
    """Somebody else has taken this flow over; nothing was written."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One partition of one source as one consumer reads it."""

    consumer: str
    source: str
    partition: int = 0

    @property
    def name(self) -> str:
        """For operators, without the partition: `billing/booking.events`; `booking.relay` reads its own store."""
        own = self.consumer.startswith(f"{self.source}.")
        return self.consumer if own else f"{self.consumer}/{self.source}"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a flow, until somebody takes it over: `token` grows with every take-over.

    `mark` is the highest source position done ("" at first), `offset` the place in the partition (-1 at first).
    `begun` is the position up to which a predecessor had begun, and died, or "".
    """

    flow: Flow
    token: int
    mark: str
    offset: int
    begun: str


@dataclass(frozen=True, slots=True)
class StepAside:
    """A key whose event failed: what failed, how often (0 when it was only postponed), and when to try again.

    `error` is the name of the exception type, never its text; None for a crash. `delay` None is quarantine.
    """

    key: str
    attempts: int
    postponed: int
    error: str | None
    delay: timedelta | None


@dataclass(frozen=True, slots=True)
class Instances:
    """Instances of a process that started or ended: (process, instance, instant).

    A process has the name of its consumer. An end is kept without its start only while a key of the flow is aside,
    as the start may be parked.
    """

    started: Sequence[tuple[str, str, datetime]] = ()
    ended: Sequence[tuple[str, str, datetime]] = ()

    def __bool__(self) -> bool:
        return bool(self.started or self.ended)


NO_INSTANCES: Final = Instances()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A batch that is done: the new mark and offset, what is parked by it, and the effect that goes with it."""

    mark: str
    offset: int
    parked: Sequence[Envelope] = ()
    aside: Sequence[StepAside] = ()
    instances: Instances = NO_INSTANCES
    apply: Apply | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The first parked event of a key, and the number of this attempt at it, which is already counted."""

    envelope: Envelope
    number: int
    postponed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedKey:
    """A key that stepped aside. `retry_at` None is quarantine: it waits for `redrive` or `discard`."""

    flow: Flow
    key: str
    attempts: int
    error: str | None
    since: datetime
    retry_at: datetime | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInstance:
    """An instance of a process that has started and not ended."""

    process: str
    instance: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInstances:
    """How many instances of a process have started and not ended, and when the oldest one started."""

    process: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPosition:
    """How far a flow is."""

    flow: Flow
    mark: str
    offset: int
    parked_keys: int


class Inbox(Protocol):
    """Positions, parked events and open processes of one service, in its database.

    Every call raises MessagingUnavailable when the database cannot be reached. Calls with a claim raise Fenced, and
    have then done nothing.
    """

    async def claim(self, flow: Flow, *, holder: str, ttl: timedelta | None = None) -> Claim | None:
        """Take a flow over. With a `ttl` only when nobody else's claim is still good, by the database's clock
        (else None); without one at once: a bus has said whose it is.
        """
        ...

    async def renew(self, claim: Claim, ttl: timedelta) -> None:
        """Keep the claim for another `ttl`."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give the claim up in good order: nothing of it is in the middle. A lost claim is no error."""
        ...

    async def begin(self, claim: Claim, upto: str) -> None:
        """Note that events up to the position `upto` are now being handled: the attempt that counts if we die."""
        ...

    async def settle(self, claim: Claim, progress: Progress) -> None:
        """The batch is done, all of it in one transaction, and nothing is begun any more."""
        ...

    async def aside(self, claim: Claim) -> Collection[str]:
        """The keys that stepped aside."""
        ...

    async def due(self, claim: Claim, limit: int) -> Sequence[tuple[str, bool]]:
        """Keys whose time to try again has come, longest due first, and whether the last attempt never ended."""
        ...

    async def attempt(self, claim: Claim, key: str, *, again: timedelta) -> Attempt | None:
        """Count an attempt at the first parked event of `key`, which is due `again` later if this one never ends.
        None when there is no such event, and the key is back.
        """
        ...

    async def passed(
        self,
        claim: Claim,
        envelope: Envelope,
        *,
        instances: Instances = NO_INSTANCES,
        apply: Apply | None = None,
    ) -> None:
        """The attempted event is handled: it leaves the parking lot, the next one of its key starts at attempt 0."""
        ...

    async def failed(self, claim: Claim, aside: StepAside) -> None:
        """The attempt failed; when to try again."""
        ...

    async def list_parked(self, consumer: str | None = None) -> Sequence[ParkedKey]:
        """Keys that stepped aside, oldest first."""
        ...

    async def parked_envelopes(self, consumer: str, key: str) -> Sequence[Envelope]:
        """The parked events of a key, in order, as they came."""
        ...

    async def redrive(self, consumer: str, key: str) -> bool:
        """Have the parked events of a key handled again from the first one, soon, by whoever holds the flow.
        False when the key is not aside.
        """
        ...

    async def discard(self, consumer: str, key: str, event_id: UUID, reason: str) -> bool:
        """Take one parked event out for ever, on the record with `reason`; the others of its key then go on.
        False when it is not parked.
        """
        ...

    async def list_stuck(self, before: datetime) -> Sequence[OpenInstance]:
        """Instances of processes that started before an instant and have not ended, oldest first."""
        ...

    async def open_instances(self) -> Sequence[OpenInstances]:
        """The same of every process that has any, counted; by the name of the process."""
        ...

    async def positions(self) -> Sequence[FlowPosition]:
        """How far every flow is."""
        ...
