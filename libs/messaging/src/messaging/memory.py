"""Bus and inbox in memory: for tests, and the plainest statement of the ports' semantics."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from messaging.bus import (
    BEGINNING,
    Delivery,
    PartitionsFixed,
    TopicLike,
    Work,
    partition_of,
)
from messaging.crew import Crew
from messaging.envelope import (
    Envelope,
    MalformedEnvelope,
    from_headers,
    kept_aside,
    to_headers,
)
from messaging.inbox import (
    NO_INSTANCES,
    Apply,
    Attempt,
    Claim,
    Fenced,
    Flow,
    FlowPosition,
    Instances,
    OpenInstance,
    OpenInstances,
    ParkedKey,
    Progress,
    StepAside,
)

__all__ = ["MemoryBus", "MemoryInbox"]


class MemoryBus:
    """Partitions are lists; the members of a group divide them whenever one joins or leaves."""

    system = "memory"

    def __init__(self) -> None:
        self._topics: dict[str, list[list[Envelope]]] = {}
        self._groups: dict[tuple[str, str], list[set[int]]] = {}
        self._published = asyncio.Condition()
        self._regrouped = asyncio.Condition()

    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        """See the port."""
        partitions = self._partitions(topic)
        for envelope in envelopes:
            partitions[partition_of(envelope.key, len(partitions))].append(envelope)
        async with self._published:
            self._published.notify_all()

    async def ends(self, topic: TopicLike) -> Sequence[int]:
        """See the port."""
        return [len(partition) - 1 for partition in self._partitions(topic)]

    async def consume(self, topic: TopicLike, group: str, work: Work) -> None:
        """See the port."""
        partitions = self._partitions(topic)
        members = self._groups.setdefault((topic.name, group), [])
        held: set[int] = set()
        members.append(held)
        await self._tell_members()
        try:
            async with asyncio.TaskGroup() as tasks:
                crew = Crew(tasks, work)
                while True:
                    async with self._regrouped:
                        await self._regroup(crew, members, held, topic.name, partitions)
        finally:
            members[:] = [member for member in members if member is not held]
            await self._tell_members()

    async def _regroup(
        self,
        crew: Crew,
        members: list[set[int]],
        held: set[int],
        topic: str,
        partitions: list[list[Envelope]],
    ) -> None:
        place = next(place for place, member in enumerate(members) if member is held)
        fair = set(range(place, len(partitions), len(members)))
        if lost := held - fair:
            await crew.stop(lost)
        free = fair.difference(*members)
        for index in free:
            crew.start(_MemoryPartition(topic, index, partitions[index], self._published))
        held -= lost
        held |= free
        if lost or free:
            self._regrouped.notify_all()
        else:
            await self._regrouped.wait()

    async def _tell_members(self) -> None:
        async with self._regrouped:
            self._regrouped.notify_all()

    def _partitions(self, topic: TopicLike) -> list[list[Envelope]]:
        partitions = self._topics.setdefault(topic.name, [[] for _ in range(topic.partitions)])
        if len(partitions) != topic.partitions:
            raise PartitionsFixed(topic.name)
        return partitions


class _MemoryPartition:
    def __init__(
        self, topic: str, index: int, log: list[Envelope], published: asyncio.Condition
    ) -> None:
        self.topic, self.index = topic, index
        self._log, self._published = log, published

    async def batches(
        self, *, after: int = BEGINNING, limit: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """See the port."""
        while True:
            async with self._published:
                while len(self._log) - 1 <= after:
                    await self._published.wait()
            start = after + 1
            batch = self._log[start : start + limit]
            yield [
                Delivery(offset, self._arrived(offset, envelope))
                for offset, envelope in enumerate(batch, start)
            ]
            after += len(batch)

    def _arrived(self, offset: int, envelope: Envelope) -> Envelope:
        headers = to_headers(envelope)
        try:
            return from_headers(headers, envelope.data)
        except MalformedEnvelope:
            return kept_aside(f"{self.topic}-{self.index}-{offset}", headers, envelope.data)

    def acknowledge(self, offset: int) -> None:
        """Nobody looks."""


@dataclass(slots=True)
class _Aside:
    attempts: int
    postponed: int
    error: str | None
    retry_at: datetime | None
    since: datetime
    parked: list[Envelope] = field(default_factory=list)

    def failed(self, step: StepAside, now: datetime) -> None:
        self.attempts, self.postponed, self.error = step.attempts, step.postponed, step.error
        self.retry_at = None if step.delay is None else now + step.delay


@dataclass(slots=True)
class _FlowState:
    token: int = 0
    holder: str = ""
    expires: datetime | None = None
    mark: str = ""
    offset: int = BEGINNING
    begun: str = ""
    aside: dict[str, _Aside] = field(default_factory=dict)


class MemoryInbox:
    """The state machine of the inbox in plain words. An `apply` is called with None, before anything is noted."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        """`now` stands for the database's clock; by default the loop's own."""
        self._flows: dict[Flow, _FlowState] = {}
        self._instances: dict[tuple[str, str], list[datetime | None]] = {}
        self.discarded: list[tuple[Flow, str, Envelope, str]] = []
        self._now = now or _loop_time

    async def claim(self, flow: Flow, *, holder: str, ttl: timedelta | None = None) -> Claim | None:
        """See the port."""
        state = self._flows.setdefault(flow, _FlowState())
        now = self._now()
        if (
            ttl is not None
            and state.expires is not None
            and state.expires > now
            and state.holder != holder
        ):
            return None
        state.token += 1
        state.holder, state.expires = holder, now + ttl if ttl else None
        return Claim(flow, state.token, state.mark, state.offset, state.begun)

    async def renew(self, claim: Claim, ttl: timedelta) -> None:
        """See the port."""
        self._fenced(claim).expires = self._now() + ttl

    async def release(self, claim: Claim) -> None:
        """See the port."""
        state = self._flows[claim.flow]
        if state.token != claim.token:
            return
        state.expires, state.begun = None, ""
        for aside in state.aside.values():
            if aside.error is None and aside.attempts:
                aside.attempts, aside.error = aside.attempts - 1, "released"
                aside.retry_at = self._now()

    async def begin(self, claim: Claim, upto: str) -> None:
        """See the port."""
        self._fenced(claim).begun = upto

    async def settle(self, claim: Claim, progress: Progress) -> None:
        """See the port."""
        state = self._fenced(claim)
        if progress.apply is not None:
            await progress.apply(None)
        now = self._now()
        for step in progress.aside:
            state.aside.setdefault(step.key, _Aside(0, 0, "", now, now)).failed(step, now)
        for envelope in progress.parked:
            aside = state.aside.setdefault(envelope.key, _Aside(0, 0, "", now, now))
            aside.parked.append(envelope)
        state.mark, state.offset, state.begun = progress.mark, progress.offset, ""
        self._note(state, progress.instances)

    async def aside(self, claim: Claim) -> Collection[str]:
        """See the port."""
        return list(self._fenced(claim).aside)

    async def due(self, claim: Claim, limit: int) -> Sequence[tuple[str, bool]]:
        """See the port."""
        now = self._now()
        due = [
            (aside.retry_at, key, aside.error is None and aside.attempts > 0)
            for key, aside in self._fenced(claim).aside.items()
            if aside.retry_at is not None and aside.retry_at <= now
        ]
        return [(key, suspect) for _, key, suspect in sorted(due)[:limit]]

    async def attempt(self, claim: Claim, key: str, *, again: timedelta) -> Attempt | None:
        """See the port."""
        state = self._fenced(claim)
        aside = state.aside.get(key)
        if aside is None or not aside.parked:
            state.aside.pop(key, None)
            if not state.aside:
                self._forget_ends(claim.flow.consumer)
            return None
        aside.attempts, aside.error = aside.attempts + 1, None
        aside.retry_at = self._now() + again
        return Attempt(aside.parked[0], aside.attempts, aside.postponed)

    async def passed(
        self,
        claim: Claim,
        envelope: Envelope,
        *,
        instances: Instances = NO_INSTANCES,
        apply: Apply | None = None,
    ) -> None:
        """See the port."""
        state = self._fenced(claim)
        aside = state.aside[envelope.key]
        if apply is not None:
            await apply(None)
        aside.parked = [each for each in aside.parked if each.id != envelope.id]
        aside.attempts = aside.postponed = 0
        self._note(state, instances)

    async def failed(self, claim: Claim, aside: StepAside) -> None:
        """See the port."""
        self._fenced(claim).aside[aside.key].failed(aside, self._now())

    async def list_parked(self, consumer: str | None = None) -> Sequence[ParkedKey]:
        """See the port."""
        found = [
            ParkedKey(
                flow=flow,
                key=key,
                attempts=aside.attempts,
                error=aside.error,
                since=aside.since,
                retry_at=aside.retry_at,
                waiting=len(aside.parked),
            )
            for flow, state in self._flows.items()
            for key, aside in state.aside.items()
            if consumer in {None, flow.consumer}
        ]
        return sorted(found, key=lambda parked: parked.since)

    async def parked_envelopes(self, consumer: str, key: str) -> Sequence[Envelope]:
        """See the port."""
        return [envelope for _, aside in self._of_key(consumer, key) for envelope in aside.parked]

    async def redrive(self, consumer: str, key: str) -> bool:
        """See the port."""
        found = self._of_key(consumer, key)
        for _, aside in found:
            aside.attempts, aside.postponed, aside.retry_at = 0, 0, self._now()
        return bool(found)

    async def discard(self, consumer: str, key: str, event_id: UUID, reason: str) -> bool:
        """See the port."""
        for flow, aside in self._of_key(consumer, key):
            for envelope in aside.parked:
                if envelope.id == event_id:
                    aside.parked.remove(envelope)
                    aside.attempts, aside.postponed, aside.retry_at = 0, 0, self._now()
                    self.discarded.append((flow, key, envelope, reason))
                    return True
        return False

    async def list_stuck(self, before: datetime) -> Sequence[OpenInstance]:
        """See the port."""
        found = [
            OpenInstance(process=process, instance=instance, since=since)
            for (process, instance), (since, ended) in self._instances.items()
            if since is not None and ended is None and since < before
        ]
        return sorted(found, key=lambda stuck: stuck.since)

    async def open_instances(self) -> Sequence[OpenInstances]:
        """See the port."""
        starts: dict[str, list[datetime]] = {}
        for (process, _), (since, ended) in sorted(self._instances.items()):
            if since is not None and ended is None:
                starts.setdefault(process, []).append(since)
        return [
            OpenInstances(process=process, count=len(since), oldest=min(since))
            for process, since in starts.items()
        ]

    async def positions(self) -> Sequence[FlowPosition]:
        """See the port."""
        return [
            FlowPosition(
                flow=flow, mark=state.mark, offset=state.offset, parked_keys=len(state.aside)
            )
            for flow, state in self._flows.items()
        ]

    def _fenced(self, claim: Claim) -> _FlowState:
        state = self._flows[claim.flow]
        if state.token != claim.token:
            raise Fenced(claim.flow.consumer)
        return state

    def _of_key(self, consumer: str, key: str) -> list[tuple[Flow, _Aside]]:
        return [
            (flow, state.aside[key])
            for flow, state in self._flows.items()
            if flow.consumer == consumer and key in state.aside
        ]

    def _note(self, state: _FlowState, instances: Instances) -> None:
        for process, instance, since in instances.started:
            row = self._instances.setdefault((process, instance), [None, None])
            row[0] = row[0] or since
        for process, instance, since in instances.ended:
            if state.aside:
                self._instances.setdefault((process, instance), [None, None])
            known = self._instances.get((process, instance))
            if known is not None:
                known[1] = known[1] or since
        for process, instance, _ in (*instances.started, *instances.ended):
            if all(self._instances.get((process, instance), ())):
                self._instances.pop((process, instance), None)

    def _forget_ends(self, process: str) -> None:
        for place, (started, _) in list(self._instances.items()):
            if place[0] == process and started is None:
                del self._instances[place]


def _loop_time() -> datetime:
    return datetime.fromtimestamp(asyncio.get_running_loop().time(), UTC)
