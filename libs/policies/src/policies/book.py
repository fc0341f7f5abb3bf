"""What policies hold: asked for every decision, so kept warm, and fresh enough."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from event_store import CommandContext, CommandHandler, EventStore, Handled
from policies.decider import (
    CATEGORY,
    POLICY_CODEC,
    PolicyChanged,
    SetPolicy,
    Timeline,
    policy_decider,
)

__all__ = ["PolicyBook"]

P = TypeVar("P")

_PAST_TIMELINES = 1000


@dataclass(frozen=True, slots=True)
class _Known(Generic[P]):
    changes: Sequence[PolicyChanged]
    timeline: Timeline[P]
    read_at: float


class PolicyBook(Generic[P]):
    """The policies of one service, of every tenant.

    Answers come from memory. What another process has changed is seen after `fresh_seconds` at the latest, by one
    read of what is new in the tenant's stream; what this book has set is seen at once.
    """

    def __init__(
        self,
        store: EventStore,
        shape: type[P],
        *,
        service: str,
        fresh_seconds: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service, self.shape = service, shape
        self._handler = CommandHandler(store, policy_decider(shape), POLICY_CODEC, CATEGORY)
        self._fresh_seconds, self._monotonic = fresh_seconds, monotonic
        self._known: dict[str, _Known[P]] = {}
        self._reading: dict[str, asyncio.Lock] = {}
        self._past: OrderedDict[tuple[str, int], Timeline[P]] = OrderedDict()

    async def at(
        self, tenant: str, instant: datetime, *, version: int | None = None
    ) -> tuple[P, int]:
        """The policies that hold at `instant`, and the version they are of: the number of changes known.

        Instant and version together always give the same policies again, so a decision records the version, and what
        started under it is judged by it later: `version` answers as of then (OPS-15). Raises ValueError for a version
        that does not exist, StoreUnavailable.
        """
        known = await self._fresh(tenant)
        if version is None or version == known.timeline.version:
            return known.timeline.at(instant), known.timeline.version
        if not 0 <= version < known.timeline.version:
            raise ValueError(f"{self.service} has no policies of version {version}")
        return self._timeline(tenant, known.changes[:version]).at(instant), version

    async def changes(self, tenant: str) -> Sequence[PolicyChanged]:
        """Every change, the first one first."""
        return (await self._fresh(tenant)).changes

    async def set(
        self, command: SetPolicy, context: CommandContext
    ) -> "Handled[tuple[PolicyChanged, ...], PolicyChanged]":
        """Change a policy of the context's tenant. Raises UnknownPolicy, PolicyValueInvalid, EffectiveFromPast."""
        handled = await self._handler.handle(command, key=self.service, context=context)
        self._keep(context.metadata.tenant, handled.state)
        return handled

    async def _fresh(self, tenant: str) -> _Known[P]:
        known = self._known.get(tenant)
        if known is not None and self._monotonic() - known.read_at < self._fresh_seconds:
            return known
        async with self._reading.setdefault(tenant, asyncio.Lock()):
            known = self._known.get(tenant)
            asked_at = self._monotonic()
            if known is not None and asked_at - known.read_at < self._fresh_seconds:
                return known
            changes, _ = await self._handler.load(tenant=tenant, key=self.service)
            return self._keep(tenant, changes, asked_at)

    def _keep(
        self, tenant: str, changes: Sequence[PolicyChanged], read_at: float | None = None
    ) -> _Known[P]:
        """Remember what was read, unless something newer came while it was on its way."""
        known = self._known.get(tenant)
        if known is not None and known.timeline.version >= len(changes):
            changes, timeline = known.changes, known.timeline
        else:
            timeline = Timeline(self.shape, changes)
        kept = _Known(changes, timeline, self._monotonic() if read_at is None else read_at)
        self._known[tenant] = kept
        return kept

    def _timeline(self, tenant: str, changes: Sequence[PolicyChanged]) -> Timeline[P]:
        place = (tenant, len(changes))
        if place not in self._past:
            self._past[place] = Timeline(self.shape, changes)
            if len(self._past) > _PAST_TIMELINES:
                self._past.popitem(last=False)
        return self._past[place]
