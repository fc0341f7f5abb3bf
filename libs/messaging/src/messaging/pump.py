"""The engine under every consumer: one batch after the other, keys side by side, one key in order, nothing lost.

What happens to an event whose handler fails is decided here and nowhere else; what is durable about it is the inbox.
"""

import asyncio
import random
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from event_store import AppendConflict, StoreUnavailable
from messaging.bus import MessagingUnavailable
from messaging.envelope import Envelope
from messaging.inbox import Apply, Claim, Fenced, Flow, Inbox, Instances, Progress, StepAside
from messaging.watch import Watch

__all__ = ["RETRYABLE", "Handle", "HandleRows", "Pump", "Runnable", "Terms", "hold", "together"]

T = TypeVar("T")

RETRYABLE: Final[tuple[type[Exception], ...]] = (
    MessagingUnavailable,
    StoreUnavailable,
    AppendConflict,
)
"""What always passes by itself."""

_PASSING: Final[tuple[type[Exception], ...]] = (Fenced, *RETRYABLE)

Handle: TypeAlias = Callable[[Envelope], Awaitable[Instances]]
"""Handles one event; harmless when called again with the same event."""

HandleRows: TypeAlias = Callable[[Any, Sequence[Envelope]], Awaitable[None]]
"""Writes rows for several events in order through the inbox's own connection, in its transaction."""

_DUE_AT_ONCE: Final = 100
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


class Runnable(Protocol):
    """A relay or a consumer."""

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    async def standing(self) -> tuple[int, object]:
        """How many events are still to come (at least), and where it is: equal when it has not moved."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How patient a consumer is.

    `attempts` are counted for failures and crashes, not for errors that pass by themselves; those are tried
    `quick_tries` times on the spot, unless the time of `quick_within` is up, and then for ever, later and later, while
    others go on. The delay doubles from `first_delay` to
    `longest_delay`. A handler that runs longer than `longest_handling` has failed. Who has
    events to come and has not moved for `longest_standstill` is reported as stalled.
    """

    attempts: int = 5
    quick_tries: int = 3
    quick_within: timedelta = timedelta(seconds=1)
    first_delay: timedelta = timedelta(milliseconds=500)
    longest_delay: timedelta = timedelta(minutes=1)
    longest_handling: timedelta = timedelta(minutes=1)
    longest_standstill: timedelta = timedelta(minutes=1)
    concurrency: int = 16
    batch: int = 500
    redrive_every: timedelta = timedelta(milliseconds=500)
    lease: timedelta = timedelta(seconds=5)

    def delay(self, failures: int) -> timedelta:
        """How long to wait after so many failures in a row, from 1."""
        return min(self.longest_delay, self.first_delay * (1 << min(failures - 1, 30)))


@dataclass(slots=True)
class _Outcome:
    parked: list[Envelope] = field(default_factory=list)
    aside: list[StepAside] = field(default_factory=list)
    started: list[Any] = field(default_factory=list)
    ended: list[Any] = field(default_factory=list)


class Pump:
    """Works on one claimed flow.

    An event that fails makes its key step aside: it and its followers are parked in the transaction that moves the
    mark, and are tried again from the parking lot. So a key is either flowing, and handled only by `take`, or aside,
    and handled only by `_redrive`; `_ledger` keeps the two from changing sides at once.
    """

    def __init__(
        self,
        inbox: Inbox,
        claim: Claim,
        *,
        handle: Handle | None = None,
        rows: HandleRows | None = None,
        terms: Terms,
        watch: Watch,
        retryable: tuple[type[Exception], ...] = (),
    ) -> None:
        """Exactly one of `handle` and `rows`."""
        self._inbox, self._claim = inbox, claim
        self._handle, self._rows = handle, rows
        self._terms, self._watch = terms, watch
        self._retryable = RETRYABLE + retryable
        self._mark, self._offset = claim.mark, claim.offset
        self._aside: set[str] = set()
        self._ledger = asyncio.Lock()

    async def run(self, feed: Callable[["Pump"], Coroutine[Any, Any, None]]) -> None:
        """Run `feed`, which calls `take`, and try again beside it what stepped aside."""
        self._aside = set(await self._inbox.aside(self._claim))

        await together(self._redriving(), feed(self))

    async def take(self, envelopes: Sequence[Envelope], *, mark: str, offset: int) -> None:
        """Handle or park `envelopes`, and be at `mark`, which is at or behind the highest of them, and `offset`.

        What is at or below the mark was done before and is passed over.
        """
        flowing, outcome = self._sort(envelopes)
        mark = max(mark, self._mark)
        if (mark, offset) == (self._mark, self._offset):
            return
        if flowing:
            await self._inbox.begin(self._claim, flowing[-1].position)
        if self._handle is not None and flowing:
            await self._handle_keys(self._handle, flowing, outcome)
        apply = None
        if self._rows is not None and flowing:
            apply = _binding(self._rows, flowing)
        try:
            await self._settle(outcome, mark, offset, apply)
        except Exception as error:
            if apply is None or isinstance(error, (MessagingUnavailable, Fenced)):
                raise
            if len(flowing) > 1:
                await self._take_in_halves(envelopes, mark=mark, offset=offset)
                return
            self._park(flowing[0], error, outcome)
            await self._settle(outcome, mark, offset, None)
        self._watch.handled(self._claim.flow, len(flowing))

    async def _take_in_halves(
        self, envelopes: Sequence[Envelope], *, mark: str, offset: int
    ) -> None:
        """An all-or-nothing effect failed: the half without the culprit is written, and so on down to the culprit."""
        first, second = envelopes[: len(envelopes) // 2], envelopes[len(envelopes) // 2 :]
        halfway = max(each.position for each in first)
        await self.take(first, mark=halfway, offset=self._offset)
        await self.take(second, mark=mark, offset=offset)

    async def _redriving(self) -> None:
        while True:
            await asyncio.sleep(self._terms.redrive_every.total_seconds())
            while self._aside and await self._redrive_due() == _DUE_AT_ONCE:
                pass

    async def _redrive_due(self) -> int:
        """Try the parked events of every key whose time has come, each key in order.

        A key whose last attempt never ended may have taken the process down, so it is tried alone: whatever is tried
        beside it would be counted as a crash too.
        """
        due = await self._inbox.due(self._claim, _DUE_AT_ONCE)
        for key in [key for key, suspect in due if suspect]:
            await self._redrive(key)
        await _side_by_side(
            [key for key, suspect in due if not suspect], self._redrive, self._terms.concurrency
        )
        return len(due)

    def _sort(self, envelopes: Sequence[Envelope]) -> tuple[list[Envelope], _Outcome]:
        flowing: list[Envelope] = []
        outcome = _Outcome()
        crashed: set[str] = set()
        done = self._mark
        for envelope in envelopes:
            if envelope.position <= done:
                continue
            done = envelope.position
            if envelope.key in self._aside or envelope.key in crashed:
                outcome.parked.append(envelope)
            elif envelope.position <= self._claim.begun:
                crashed.add(envelope.key)
                outcome.parked.append(envelope)
                outcome.aside.append(StepAside(envelope.key, 1, 0, None, timedelta()))
            else:
                flowing.append(envelope)
        return flowing, outcome

    async def _handle_keys(
        self, handle: Handle, flowing: Sequence[Envelope], outcome: _Outcome
    ) -> None:
        by_key: dict[str, list[Envelope]] = {}
        for envelope in flowing:
            by_key.setdefault(envelope.key, []).append(envelope)

        async def in_order(key: str) -> None:
            events = by_key[key]
            for index, envelope in enumerate(events):
                try:
                    instances = await self._try_quickly(handle, envelope)
                except Exception as error:  # noqa: BLE001 - whatever it is, its key steps aside
                    outcome.aside.append(self._verdict(envelope, error, attempt=1, postponed=0))
                    outcome.parked.extend(events[index:])
                    return
                outcome.started.extend(instances.started)
                outcome.ended.extend(instances.ended)

        await _side_by_side(list(by_key), in_order, self._terms.concurrency)

    async def _try_quickly(self, handle: Handle, envelope: Envelope) -> Instances:
        now = asyncio.get_running_loop().time
        until = now() + self._terms.quick_within.total_seconds()
        for tried in range(1, self._terms.quick_tries):
            try:
                return await self._in_time(handle, envelope)
            except self._retryable:
                if now() >= until:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02 * 2**tried))  # noqa: S311 - not for secrets
        return await self._in_time(handle, envelope)

    async def _in_time(self, handle: Handle, envelope: Envelope) -> Instances:
        async with asyncio.timeout(self._terms.longest_handling.total_seconds()):
            return await handle(envelope)

    def _park(self, envelope: Envelope, error: Exception, outcome: _Outcome) -> None:
        """Attempts at it are counted from the parking lot on."""
        outcome.parked.append(envelope)
        outcome.aside.append(StepAside(envelope.key, 0, 0, describe(error), timedelta()))
        self._watch.failed(self._claim.flow.consumer, envelope, error, 0)

    async def _settle(self, outcome: _Outcome, mark: str, offset: int, apply: Apply | None) -> None:
        progress = Progress(
            mark=mark,
            offset=offset,
            parked=outcome.parked,
            aside=outcome.aside,
            instances=Instances(outcome.started, outcome.ended),
            apply=apply,
        )
        async with self._ledger:
            await self._inbox.settle(self._claim, progress)
            self._aside.update(envelope.key for envelope in outcome.parked)
        self._mark, self._offset = mark, offset
        for step in outcome.aside:
            self._watch.parked(self._claim.flow.consumer, step.key, quarantined=step.delay is None)

    async def _redrive(self, key: str) -> None:
        while True:
            async with self._ledger:
                attempt = await self._inbox.attempt(self._claim, key, again=self._after_a_crash())
                if attempt is None:
                    self._aside.discard(key)
                    return
            if attempt.number > self._terms.attempts:
                await self._inbox.failed(
                    self._claim, StepAside(key, attempt.number - 1, 0, "crash", None)
                )
                self._watch.parked(self._claim.flow.consumer, key, quarantined=True)
                return
            try:
                await self._redrive_one(attempt.envelope)
            except (MessagingUnavailable, Fenced):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                verdict = self._verdict(
                    attempt.envelope, error, attempt=attempt.number, postponed=attempt.postponed
                )
                await self._inbox.failed(self._claim, verdict)
                if verdict.delay is None:
                    self._watch.parked(self._claim.flow.consumer, key, quarantined=True)
                return
            self._watch.handled(self._claim.flow, 1)

    def _after_a_crash(self) -> timedelta:
        """By chance, so that what happened to be handled beside the culprit is not beside it every time."""
        return self._terms.first_delay * random.uniform(1, 4)  # noqa: S311 - not for secrets

    async def _redrive_one(self, envelope: Envelope) -> None:
        if self._handle is not None:
            instances = await self._in_time(self._handle, envelope)
            await self._inbox.passed(self._claim, envelope, instances=instances)
        elif self._rows is not None:
            await self._inbox.passed(self._claim, envelope, apply=_binding(self._rows, [envelope]))

    def _verdict(
        self, envelope: Envelope, error: Exception, *, attempt: int, postponed: int
    ) -> StepAside:
        consumer = self._claim.flow.consumer
        if isinstance(error, self._retryable):
            self._watch.failed(consumer, envelope, error, 0)
            delay = self._terms.delay(postponed + 1)
            return StepAside(envelope.key, attempt - 1, postponed + 1, describe(error), delay)
        self._watch.failed(consumer, envelope, error, attempt)
        last = attempt >= self._terms.attempts
        return StepAside(
            envelope.key,
            attempt,
            postponed,
            describe(error),
            None if last else self._terms.delay(attempt),
        )


async def hold(
    inbox: Inbox,
    flow: Flow,
    body: Callable[[Claim], Coroutine[Any, Any, None]],
    *,
    holder: str,
    lease: timedelta | None,
    watch: Watch,
) -> None:
    """Run `body` whenever the claim on `flow` is ours, for ever; after trouble that passes, claim and run again, later
    and later while it does not run for longer than the pause before it.

    `lease` None: a bus has assigned the flow to us, and takes it away by cancelling.
    """
    now = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE
    while True:
        waiting = (lease or timedelta(seconds=3)).total_seconds() / 3
        begun = inf
        try:
            claim = await inbox.claim(flow, holder=holder, ttl=lease)
            if claim is not None:
                begun = now()
                await _holding(inbox, claim, body, lease)
        except _PASSING as trouble:
            pause = _FIRST_PAUSE if now() - begun > pause else min(pause * 2, _LONGEST_PAUSE)
            waiting = pause
            watch.stalled(flow, trouble)
        await asyncio.sleep(waiting)


async def _holding(
    inbox: Inbox,
    claim: Claim,
    body: Callable[[Claim], Coroutine[Any, Any, None]],
    lease: timedelta | None,
) -> None:
    async def renewing(every: timedelta) -> None:
        while True:
            await asyncio.sleep(every.total_seconds() / 3)
            await inbox.renew(claim, every)

    renewals = [renewing(lease)] if lease is not None else []
    try:
        await together(body(claim), *renewals)
    finally:
        with suppress(MessagingUnavailable):
            await inbox.release(claim)


async def _side_by_side(
    keys: Sequence[str], work: Callable[[str], Awaitable[None]], limit: int
) -> None:
    """`work` on every key, at most `limit` at once; the first error cancels the rest."""
    if len(keys) <= 1:
        for key in keys:
            await work(key)
        return
    rest = iter(keys)

    async def worker() -> None:
        for key in rest:
            await work(key)

    await together(*(worker() for _ in range(min(limit, len(keys)))))


@asynccontextmanager
async def ended(pages: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Ends what is iterated with the block, not whenever the garbage collector comes by."""
    try:
        yield pages
    finally:
        if isinstance(pages, AsyncGenerator):
            await pages.aclose()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run all of them; the first error cancels the others and is raised.

    A task group of Python 3.11 forgets that it is being cancelled when a child fails just then; here it always ends.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def _binding(rows: HandleRows, envelopes: Sequence[Envelope]) -> Apply:
    async def apply(connection: Any) -> None:  # Any: see Apply
        await rows(connection, envelopes)

    return apply


def describe(error: BaseException) -> str:
    """The type of an error and the place that raised it; never its text, which may quote a body."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    place = Path(trace.tb_frame.f_code.co_filename).name
    return f"{type(error).__name__} in {place}:{trace.tb_lineno}"
