"""The projection runner: pages of the service's store into the tables of its views."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import asyncpg
import structlog

from event_store import START, Codec, Cursor, EventStore, Page, RecordedEvent, StoreUnavailable
from event_store.tracing import Attributes, each_continued
from privacy.sealing import Sealers
from read_models.checkpoints import (
    Lost,
    create_views,
    drop_superseded,
    mark_filled,
    move,
    places,
)
from read_models.folding import Decoded, Fold, KeysAway, Poisoned, Reader
from read_models.tables import Connection, Table
from read_models.view import View

__all__ = ["ProjectionRunner", "ViewStatus"]

State = Literal["standby", "waiting", "filling", "live", "failed"]

TRANSIENT: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was ended in the middle of an answer
    StoreUnavailable,
    Lost,
)

_PAUSE_SECONDS = 0.5

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """One view of a runner. `failure` names the event that it stopped at and the class of the error."""

    name: str
    version: int
    position: Cursor
    state: State
    failure: str | None = None


class _Feed:
    """A view on its way through the store."""

    def __init__(self, fold: Fold[Any]) -> None:
        self.fold, self.view = fold, fold.view
        self.position = START
        self.filled = False
        self.state: State = "standby"
        self.failure: str | None = None

    def status(self) -> ViewStatus:
        return ViewStatus(
            self.view.name, self.view.version, self.position, self.state, self.failure
        )


class _Line:
    """Feeds that share the reading of pages. A feed that is further on sits pages out until its place comes."""

    def __init__(self, feeds: Iterable[_Feed]) -> None:
        self.feeds = list(feeds)
        self.position = min(feed.position for feed in self.feeds)


class ProjectionRunner:
    """Projects views, several in one reading of the store, each page in one transaction with the checkpoints.

    One worker at a time projects a view: it holds an advisory lock, which the server frees when its connection ends,
    and moves the checkpoint by compare-and-set, so that even a worker which lost the lock without noticing cannot
    write. Other workers stand by and take over within `standby_seconds`.

    A view that is new, or has a new version, is filled by a reading of its own and joins the others when it has
    caught up. An event that a view cannot take stops that view, visibly, and no other.

    `codec` reads every event of the store, `opener` opens personal columns.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        store: EventStore,
        codec: Codec[Any],
        views: Sequence[View[Any]],
        *,
        opener: Sealers | None = None,
        page_size: int = 1000,
        standby_seconds: float = 1.0,
    ) -> None:
        if len({view.name for view in views}) != len(views):
            raise ValueError("two views have one name")
        self._pool, self._store, self._page_size = pool, store, page_size
        self._standby_seconds = standby_seconds
        self._reader = Reader(codec, views)
        self._feeds = [_Feed(Fold(Table(view), self._reader, opener)) for view in views]
        self._main: _Line | None = None
        # A line joins between two pages of the main line, never within one.
        self._turn = asyncio.Lock()
        self._moved = asyncio.Condition()

    # What others see

    def status(self) -> tuple[ViewStatus, ...]:
        """Where every view stands; "standby": another worker projects it, "waiting": its keys are away."""
        return tuple(feed.status() for feed in self._feeds)

    async def caught_up(self) -> None:
        """Wait until this runner has every view live, except failed ones."""
        async with self._moved:
            await self._moved.wait_for(
                lambda: all(feed.state in {"live", "failed"} for feed in self._feeds)
            )

    async def moved(self) -> None:
        """Wait until any view moves."""
        async with self._moved:
            await self._moved.wait()

    async def drain(self) -> None:
        """Project all that is there now, and return; for tests and commands.

        Raises RuntimeError for a failed view, KeysAway for one whose personal columns cannot be opened now.
        """
        await self._prepare()
        await self._revive()
        feeds = [feed for feed in self._feeds if feed.state != "failed"]
        await self._place(feeds)
        if feeds:
            await self._read_to_end(_Line(feeds))
            await self._mark_filled(feeds)
        for feed in self._feeds:
            if feed.state == "failed":
                raise RuntimeError(feed.failure)
            if feed.state == "waiting":
                feed.state = "standby"
                raise KeysAway(feed.view)

    async def run(self) -> None:
        """Project for ever; cancel it to stop. Survives a lost database."""
        while True:
            try:
                await self._prepare()
                await self._project()
            except* TRANSIENT as errors:
                # A rebuild of one of the views or a take-over looks like this as well; both are cured by a new start.
                _log.warning(
                    "views.restarting",
                    error=" ".join(sorted({type(e).__name__ for e in errors.exceptions})),
                )
            finally:  # after an error that nobody foresaw too: whoever calls again begins with all of them
                for feed in self._feeds:
                    if feed.state != "failed":
                        feed.state = "standby"
            # A cancellation that met a failing task group on its way would be lost in it.
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise asyncio.CancelledError
            await asyncio.sleep(_PAUSE_SECONDS)

    # Taking and joining

    async def _prepare(self) -> None:
        await create_views(self._pool, [feed.view for feed in self._feeds])

    async def _project(self) -> None:
        self._main = None
        async with self._pool.acquire() as locks, asyncio.TaskGroup() as tasks:
            try:
                while True:
                    for line in await self._take(locks):
                        tasks.create_task(self._follow(line))
                    await asyncio.sleep(self._standby_seconds)
            finally:
                # Ending the connection frees the locks without a further word; a lost one is released already.
                with suppress(asyncpg.InterfaceError, asyncpg.InternalClientError):
                    locks.terminate()

    async def _take(self, locks: Connection) -> list[_Line]:
        """Lock what is free; the new ones in one line and those that were filled before in another."""
        await drop_superseded(locks, [feed.view for feed in self._feeds])
        await self._revive()
        taken = []
        for feed in self._feeds:
            if feed.state in {"standby", "waiting"} and await locks.fetchval(
                "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", feed.view.table
            ):
                taken.append(feed)
        if not taken:
            return []
        await self._place(taken)
        for feed in taken:
            feed.state = "filling"
        lines = [[f for f in taken if f.filled], [f for f in taken if not f.filled]]
        return [_Line(feeds) for feeds in lines if feeds]

    async def _revive(self) -> None:
        """A view that was rebuilt after it had failed can be taken like any other."""
        failed = [feed for feed in self._feeds if feed.state == "failed"]
        if failed:
            found = await places(self._pool, [feed.view for feed in failed])
            for feed in failed:
                if not found[feed.view.name, feed.view.version].failed:
                    feed.state, feed.failure = "standby", None

    async def _place(self, feeds: Sequence[_Feed]) -> None:
        found = await places(self._pool, [feed.view for feed in feeds])
        for feed in feeds:
            place = found[feed.view.name, feed.view.version]
            feed.position, feed.filled = place.position, place.filled

    async def _follow(self, line: _Line) -> None:
        """Read to the end, then join the main line, or become it and go on for ever."""
        joined = False
        while not joined:
            await self._read_to_end(line)
            if not line.feeds:
                return
            async with self._turn:
                joined = self._main is None or line.position >= self._main.position
                if joined:
                    if self._main is not None:
                        self._main.feeds += line.feeds
                    self._main = self._main or line
        for feed in line.feeds:
            feed.state = "live"
        await self._mark_filled(line.feeds)
        await self._announce()
        if self._main is line:
            pages = self._store.subscribe(after=line.position, page_size=self._page_size)
            async with aclosing(self._reader.read(pages)) as steps:
                async for page, decoded in steps:
                    async with self._turn:
                        with self._projecting(decoded):
                            await self._apply(line, page, decoded)

    def _projecting(self, decoded: Decoded) -> AbstractContextManager[object]:
        """The spans of a page that was followed live; filling a view has none, its traces are over."""

        def about(place: int) -> Attributes:
            recorded = decoded[place][1].recorded
            wanting = (f.view for f in self._feeds if self._reader.wants(f.view, recorded))
            return {
                "kabinet.event.type": recorded.type,
                "kabinet.views": [view.name for view in wanting],
                "db.system.name": "postgresql",
                "db.operation.batch.size": len(decoded),
            }

        return each_continued([fact.metadata for _, fact in decoded], "project", about)

    async def _read_to_end(self, line: _Line) -> None:
        pages = self._store.read_all(after=line.position, page_size=self._page_size)
        async with aclosing(self._reader.read(pages)) as steps:
            async for page, decoded in steps:
                await self._apply(line, page, decoded)
                if not line.feeds:
                    return

    async def _mark_filled(self, feeds: Sequence[_Feed]) -> None:
        sound = [feed.view for feed in feeds if feed.state not in {"failed", "waiting"}]
        await mark_filled(self._pool, sound)

    # One page

    async def _apply(self, line: _Line, page: Page, decoded: Decoded) -> None:
        if page.cursor > line.position:
            remaining = [feed for feed in line.feeds if feed.position < page.cursor]
            while remaining:
                try:
                    await self._commit(remaining, decoded, page.cursor)
                except (Poisoned, KeysAway) as stop:
                    (culprit,) = (feed for feed in remaining if feed.view is stop.view)
                    remaining.remove(culprit)
                    if isinstance(stop, Poisoned):
                        await self._single_out(culprit, page)
                    else:
                        self._wait(culprit)
                    if culprit.state in {"failed", "waiting"}:
                        line.feeds.remove(culprit)
                else:
                    break
            line.position = page.cursor
            await self._announce()

    async def _commit(self, feeds: Sequence[_Feed], decoded: Decoded, to: Cursor) -> None:
        """The rows of one page and the checkpoints of all its views, in one transaction."""
        touches = [
            feed.fold.touches(
                decoded
                if not decoded or feed.position < decoded[0][1].position
                else [(event, fact) for event, fact in decoded if fact.position > feed.position]
            )
            for feed in feeds
        ]
        for feed, touched in zip(feeds, touches, strict=True):
            await feed.fold.fetch_keys(self._pool, touched)
        places_of = [(feed.view, feed.position) for feed in feeds]
        async with self._pool.acquire() as connection:
            if not any(touches):
                await move(connection, places_of, to)
            else:
                async with connection.transaction():
                    await move(connection, places_of, to)
                    for feed, touched in zip(feeds, touches, strict=True):
                        await feed.fold.write(connection, touched)
        for feed in feeds:
            feed.position = to

    async def _single_out(self, feed: _Feed, page: Page) -> None:
        """Take a page event by event, up to the one that does not go in; the view stops before it."""
        for recorded in page.events:
            if recorded.cursor <= feed.position:
                continue
            try:
                await self._commit([feed], self._reader.decode([recorded]), recorded.cursor)
            except Poisoned as poison:
                await self._fail(feed, recorded, poison)
                return
            except KeysAway:
                self._wait(feed)
                return
        if feed.position < page.cursor:
            await self._commit([feed], (), page.cursor)

    def _wait(self, feed: _Feed) -> None:
        """Leave a view behind until it is taken again, by a reading of its own that holds up no other."""
        feed.state = "waiting"
        _log.warning("views.waiting", view=feed.view.name, error="KeyUnavailable")

    async def _fail(self, feed: _Feed, recorded: RecordedEvent, poison: Poisoned) -> None:
        failure = f"event {recorded.id} ({recorded.type}): {poison.kind}"
        _log.error(
            "views.stopped",
            view=feed.view.name,
            event_id=str(recorded.id),
            type=recorded.type,
            error=poison.kind,
        )
        await self._pool.execute(
            "UPDATE views.checkpoint SET failure = $3 WHERE name = $1 AND version = $2",
            feed.view.name,
            feed.view.version,
            failure,
        )
        # Only now: a failed view whose row names no failure is one that was rebuilt.
        feed.state, feed.failure = "failed", failure

    async def _announce(self) -> None:
        async with self._moved:
            self._moved.notify_all()
