"""The adapter."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import kurrentdbclient as kurrent
from kurrentdbclient import exceptions

from event_store.kurrent.connection import (
    DEADLINE,
    connect,
    head,
    next_behind,
    translated_errors,
)
from event_store.kurrent.end import End
from event_store.kurrent.following import Subscription
from event_store.kurrent.ids import StreamIds
from event_store.kurrent.names import Names, bears_mark, proposed
from event_store.records import (
    EVERYTHING,
    NO_STREAM,
    START,
    AppendConflict,
    Appended,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    NewEvent,
    Page,
    RecordedEvent,
    StoreUnavailable,
    StreamDeleted,
    StreamName,
)
from event_store.tracing import append_span

__all__ = ["KurrentEventStore"]

_PAGE: Final = 500
_AT_ONCE: Final = 90
"""Calls in flight. The server takes 100 streams on a connection; what is beyond would wait where its deadline runs."""

_ATTEMPTS: Final = 3
_LONGEST: Final = 15.0
"""Seconds for all attempts of one append, with the client's own repeats inside each."""

_FIRST_RETRY: Final = 0.05
_LAST_RETRY: Final = 2.0

_log: Final = logging.getLogger(__name__)


class KurrentEventStore:
    """The event store port in a KurrentDB cluster; services that share it are apart by the prefix of their streams.

    The cursor is the pair of commit and prepare position of an event in `$all`.
    """

    def __init__(self, url: str, *, service: str, stall_seconds: float = 10.0) -> None:
        """`url` is the vendor's connection string; nothing is connected yet. `service` names the streams.

        `stall_seconds`: after so long without a message a subscription is compared with the head of the log.
        Raises ValueError.
        """
        self._names, self._stall_seconds = Names(service), stall_seconds
        # Subscriptions are long and may be read slowly: they have a connection of their own.
        self._calls, self._feeds = connect(url), connect(url)
        self._in_flight = asyncio.Semaphore(_AT_ONCE)
        self._ids = StreamIds()
        self._end = End(self._names.prefixes(EVERYTHING))
        self._closed = False

    @classmethod
    async def open(
        cls, url: str, *, service: str, stall_seconds: float = 10.0
    ) -> "KurrentEventStore":
        """As the constructor, and the server has answered. Raises StoreUnavailable and StoreRefused."""
        store = cls(url, service=service, stall_seconds=stall_seconds)
        try:
            await store.ping()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """End all calls and subscriptions."""
        self._closed = True
        for client in (self._feeds, self._calls):
            with suppress(exceptions.ProgrammingError):  # it was never connected
                await client.close()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[kurrent.AsyncKurrentDBClient]:
        async with self._in_flight:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            with translated_errors():
                yield self._calls

    # Append

    async def append(
        self, stream: StreamName, events: Sequence[NewEvent], *, expected: int
    ) -> Appended:
        """See the port. Raises StreamDeleted too.

        KurrentDB looks for ids only where a batch at an earlier revision would stand, so that the same command
        decided anew would be stored anew: ids that the stream has up to `expected` are looked up here.
        """
        if not events:
            raise ValueError("an append has at least one event")
        if not self._ids.covers(stream, expected):
            await self._learn(stream, expected)
        if self._ids.clash(stream, [event.id for event in events], expected):
            raise IdempotencyViolation(str(stream))
        attempt = f"{random.getrandbits(128):032x}"
        try:
            with append_span("kurrentdb", stream, len(events)), translated_errors():
                async with asyncio.timeout(_LONGEST):
                    await self._send(
                        self._names.stored(stream), proposed(events, attempt), expected
                    )
        except exceptions.WrongCurrentVersionError as error:
            return await self._explain(stream, events, expected, error)
        except exceptions.StreamIsDeletedError as error:
            raise StreamDeleted(stream) from error
        return await self._read_back(stream, events, expected, attempt)

    async def _send(self, name: str, batch: list[kurrent.NewEvent], expected: int) -> None:
        """Send it until there is an answer: the same ids at the same revision are stored once."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._call() as client:
                    await client.append_to_stream(
                        name,
                        events=batch,
                        current_version=(
                            kurrent.StreamState.NO_STREAM if expected == NO_STREAM else expected
                        ),
                        timeout=DEADLINE,
                    )
            except StoreUnavailable:
                if attempt == _ATTEMPTS or self._closed:
                    raise
                await asyncio.sleep(random.uniform(0, _FIRST_RETRY * 2**attempt))  # noqa: S311 - no secret
            else:
                return

    async def _read_back(
        self, stream: StreamName, events: Sequence[NewEvent], expected: int, attempt: str
    ) -> Appended:
        """The accepted batch where it stands: its own first answer, and whether this attempt put it there."""
        revision = expected + len(events)
        found = await self._page(stream, revision, 1, backwards=False)
        if not found or (found[0].id, found[0].stream_position) != (events[-1].id, revision):
            raise StreamDeleted(
                stream
            )  # it was deleted meanwhile, and began anew at a later revision
        self._ids.learn(
            stream,
            expected,
            ((place, event.id) for place, event in enumerate(events, start=expected + 1)),
            upto=revision,
        )
        return Appended(
            revision,
            self._names.recorded(found[0]).cursor,
            repeated=not bears_mark(found[0].metadata, attempt),
        )

    async def _explain(
        self,
        stream: StreamName,
        events: Sequence[NewEvent],
        expected: int,
        error: exceptions.WrongCurrentVersionError,
    ) -> Appended:
        """A wrong version that hides the same batch, or part of it."""
        there = [
            event
            async for page in self.read_stream(stream, after=expected, limit=len(events))
            for event in page
        ]
        ids = [event.id for event in events]
        if [event.id for event in there] == ids:
            return Appended(there[-1].revision, there[-1].cursor, repeated=True)
        if not {event.id for event in there}.isdisjoint(ids):
            raise IdempotencyViolation(str(stream)) from error
        actual = error.actual_version
        raise AppendConflict(
            stream, expected, actual if isinstance(actual, int) else NO_STREAM
        ) from error

    async def _learn(self, stream: StreamName, expected: int) -> None:
        known = self._ids.known(stream)
        after = NO_STREAM if known is None else known
        async for _ in self.read_stream(stream, after=after, limit=max(expected - after, 1)):
            pass

    # Read

    async def read_stream(
        self,
        stream: StreamName,
        *,
        after: int = NO_STREAM,
        backwards: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """See the port. Raises StreamDeleted for a stream that an operator deleted, softly or for good."""
        place, left = (None if backwards else after + 1), limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            page = await self._page(stream, place, size, backwards=backwards)
            if place is not None and not backwards:
                if page and page[0].stream_position > place:  # by age, or by a deletion
                    await self._refuse_deleted(stream)
                self._ids.learn(
                    stream,
                    place - 1,
                    ((event.stream_position, event.id) for event in page),
                    upto=page[-1].stream_position if page else place - 1,
                )
            events = [
                self._names.recorded(event) for event in page if event.stream_position > after
            ]
            if events:
                yield events
            if len(events) < size:
                return
            place = events[-1].revision + (-1 if backwards else 1)
            if place < 0:
                return
            left = None if left is None else left - size

    async def _page(
        self, stream: StreamName, place: int | None, limit: int, *, backwards: bool
    ) -> Sequence[kurrent.RecordedEvent]:
        try:
            async with self._call() as client:
                return await client.get_stream(
                    self._names.stored(stream),
                    stream_position=place,
                    backwards=backwards,
                    limit=limit,
                    timeout=DEADLINE,
                )
        except exceptions.NotFoundError:
            await self._refuse_deleted(stream)
            return ()
        except exceptions.StreamIsDeletedError as error:
            raise StreamDeleted(stream) from error

    async def _refuse_deleted(self, stream: StreamName) -> None:
        """After a soft deletion a stream looks as if it had never been, and the server would let it begin anew."""
        metadata, _ = await self._metadata(stream)
        if "$tb" in metadata:
            raise StreamDeleted(stream)

    async def read_all(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """See the port."""
        end = await self._ended(self._feeds)
        if end <= after:
            yield Page((), after, caught_up=True)
            return
        async with aclosing(self._follow(after, end, where, page_size)) as pages:
            async for page in pages:
                is_last = page.caught_up or page.cursor >= end
                yield Page(page.events, page.cursor, caught_up=is_last)
                if is_last:
                    return

    async def subscribe(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """See the port. Raises StoreUnavailable only when the store is closed."""
        retry = _FIRST_RETRY
        while True:
            try:
                end = await self._ended(self._feeds)
                async with aclosing(self._follow(after, end, where, page_size)) as pages:
                    async for page in pages:
                        after, retry = page.cursor, _FIRST_RETRY
                        yield page
            except StoreUnavailable as error:
                if self._closed:
                    raise
                _log.warning("subscription lost, beginning again behind it: %s", error)
            await asyncio.sleep(retry)
            retry = min(retry * 2, _LAST_RETRY)

    def _follow(
        self, after: Cursor, end: Cursor, where: EventFilter, page_size: int
    ) -> AsyncGenerator[Page, None]:
        async def is_behind(position: int) -> bool:
            if (await self._ended(self._feeds)).major <= position:
                return False
            with translated_errors():
                return await next_behind(self._feeds, prefixes, position)

        prefixes = self._names.prefixes(where)
        subscription = Subscription(
            self._feeds, self._names, where, patience=self._stall_seconds, is_behind=is_behind
        )
        return subscription.pages(after, end, page_size)

    async def ping(self) -> None:
        """See OpenedStore."""
        async with self._call() as client:
            await head(client)

    async def position(self) -> Cursor:
        """See the port. The first time the server looks back for the last event of this service, however far."""
        async with self._in_flight:
            return await self._ended(self._calls)

    async def horizon(self) -> Cursor:
        """See the port: the log is written in its order, so what has a position is behind nothing unseen."""
        return await self.position()

    async def _ended(self, client: kurrent.AsyncKurrentDBClient) -> Cursor:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        with translated_errors():
            return await self._end.find(client)

    # Stream metadata

    async def keep_for(self, stream: StreamName, age: timedelta) -> None:
        """Let the server forget events of `stream` that are older than `age` (whole seconds, at least one).

        Only for streams that no command decides on: what a state was folded from is not there any more.
        """
        metadata, version = await self._metadata(stream)
        async with self._call() as client:
            await client.set_stream_metadata(
                self._names.stored(stream),
                metadata=metadata | {"$maxAge": int(age.total_seconds())},
                current_version=version,
                timeout=DEADLINE,
            )

    async def _metadata(
        self, stream: StreamName
    ) -> tuple[dict[str, object], int | kurrent.StreamState]:
        async with self._call() as client:
            return await client.get_stream_metadata(self._names.stored(stream), timeout=DEADLINE)
