"""Folding a page of events into the rows of one view."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

import asyncpg

from event_store import Codec, Page, RecordedEvent
from privacy.errors import KeyUnavailable, SealBroken
from privacy.sealing import Sealers
from read_models.tables import Connection, Rows, Table
from read_models.view import Fact, Key, Opened, View
from vocabulary.ids import TenantId

__all__ = ["Fold", "KeysAway", "Poisoned", "Reader"]

R = TypeVar("R")
Decoded = Sequence[tuple[Any, Fact]]
Touch = tuple[Any, Fact, Sequence[Key]]

# What a value that cannot be kept in its column leads to, at the driver, the encoder or the server.
_UNWRITABLE: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    SealBroken,
    AttributeError,
    TypeError,
    ValueError,
)


class Poisoned(Exception):
    """A view cannot take an event. `kind` is the class of what was raised; its text may be personal and is not kept."""

    def __init__(self, view: View[Any], event: RecordedEvent | None, kind: str) -> None:
        where = f"event {event.id} ({event.type})" if event else "a page"
        super().__init__(f"view {view.name} stopped at {where}: {kind}")
        self.view, self.event, self.kind = view, event, kind


class KeysAway(KeyUnavailable):
    """The keys of a view's personal columns are not to be had at the moment."""

    def __init__(self, view: View[Any]) -> None:
        super().__init__(f"view {view.name} waits for keys")
        self.view = view


class Undecodable:
    """Stands for an event that a view wants and that the codec cannot read."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class Reader:
    """Decodes what any of some views wants out of a page, and passes over the rest unread.

    An event type that this codec does not know is wanted when an older version of it is: a newer process writes it
    already, and to pass it over would lose it for ever.
    """

    def __init__(self, codec: Codec[Any], views: Iterable[View[Any]]) -> None:
        self._codec = codec
        self._families = {
            view.name: frozenset(map(family, codec.names(view.events))) for view in views
        }
        self._any = frozenset[str]().union(*self._families.values())
        self._wanted: dict[str, bool] = {}

    def wants(self, view: View[Any], recorded: RecordedEvent) -> bool:
        """Whether the stored type is one of the view's, in whatever version."""
        return family(recorded.type) in self._families[view.name]

    def decode(self, page: Iterable[RecordedEvent]) -> Decoded:
        """The wanted events in order, an Undecodable in the place of one that cannot be read."""
        wanted, known = [], self._wanted
        for recorded in page:
            wants = known.get(recorded.type)
            if wants is None:
                wants = known[recorded.type] = family(recorded.type) in self._any
            if wants:
                wanted.append(recorded)
        try:
            events = self._codec.decode_all(wanted)
        except Exception:  # noqa: BLE001 - an upcast may raise anything; event by event it is named
            events = [self._decode(recorded) for recorded in wanted]
        return list(zip(events, map(Fact, wanted), strict=True))

    async def read(self, pages: AsyncIterator[Page]) -> AsyncGenerator[tuple[Page, Decoded], None]:
        """Pages with their wanted events; the next one is decoded while the database writes the one before."""

        async def following() -> tuple[Page, Decoded] | None:
            page = await anext(pages, None)
            return None if page is None else (page, self.decode(page.events))

        coming = asyncio.create_task(following())
        try:
            while (step := await coming) is not None:
                coming = asyncio.create_task(following())
                yield step
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()

    def _decode(self, recorded: RecordedEvent) -> Any:
        try:
            return self._codec.decode(recorded)
        except Exception as error:  # noqa: BLE001 - the view that wants it stops, and says so
            return Undecodable(error)


def family(stored_name: str) -> str:
    """The stored name without its version."""
    return stored_name.rpartition(".v")[0] or stored_name


class Fold(Generic[R]):
    """One view into one table."""

    def __init__(self, table: Table[R], reader: Reader, sealers: Sealers | None) -> None:
        """Raises ValueError when the view has opened columns and nothing opens them."""
        if table.view.opened and sealers is None:
            raise ValueError(f"view {table.view.name} has opened columns and no sealers")
        self.table, self.view = table, table.view
        self._reader, self._sealers = reader, sealers

    def touches(self, events: Decoded) -> list[Touch]:
        """The events of the view with the keys they touch. Raises Poisoned."""
        keys_of = self.view.events
        touches: list[Touch] = []
        for event, fact in events:
            ask = keys_of.get(type(event))
            if ask is not None:
                fact.key = ()
                try:
                    keys = tuple(ask(event, fact))
                except Exception as error:
                    raise self._poisoned(fact, error) from error
                if keys:
                    touches.append((event, fact, keys))
            elif type(event) is Undecodable and self._reader.wants(self.view, fact.recorded):
                raise self._poisoned(fact, event.error) from event.error
        return touches

    async def fetch_keys(self, rows: Rows, touches: Sequence[Touch]) -> None:
        """Have the keys at hand that `write` opens with: a ring that is slow must not hold its transaction open.

        An open transaction would hold up every reader of the event store. Raises Poisoned, KeysAway.
        """
        if touches and self.view.opened:
            with self._telling(touches):
                await self._after(rows, touches)

    async def write(self, connection: Connection, touches: Sequence[Touch]) -> None:
        """Load the touched rows, fold, write what changed. Raises Poisoned, KeysAway."""
        if touches:
            with self._telling(touches):
                changed, gone = await self._after(connection, touches, lock=bool(self.view.foreign))
                await self.table.upsert(connection, changed)
                await self.table.delete(connection, gone)

    @contextmanager
    def _telling(self, touches: Sequence[Touch]) -> Iterator[None]:
        try:
            yield
        except KeyUnavailable as error:
            raise KeysAway(self.view) from error
        except _UNWRITABLE as error:
            only = touches[0][1].recorded if len(touches) == 1 else None
            raise Poisoned(self.view, only, type(error).__name__) from error

    async def _after(
        self, rows: Rows, touches: Sequence[Touch], *, lock: bool = False
    ) -> tuple[list[R], list[Key]]:
        """The rows to write, opened, and the keys of those to delete."""
        wanted = list({key for _, _, keys in touches for key in keys})
        before = await self.table.load(rows, wanted, lock=lock)
        after = self._folded(before, touches)
        changed = [row for row in after.values() if row is not None]
        if self.view.opened:
            changed = await self._opened(before, changed)
        return changed, [key for key, row in after.items() if row is None and key in before]

    def _folded(self, before: Mapping[Key, R], touches: Sequence[Touch]) -> dict[Key, R | None]:
        project, key_of = self.view.project, self.table.key_of
        after: dict[Key, R | None] = {}
        for event, fact, keys in touches:
            for key in keys:
                row = after[key] if key in after else before.get(key)
                fact.key = key
                try:
                    new = project(row, event, fact)
                    if new is not row:
                        if new is not None and key_of(new) != key:
                            raise ValueError("the row has another key")  # noqa: TRY301
                        after[key] = new
                except Exception as error:
                    raise self._poisoned(fact, error) from error
        return after

    async def _opened(self, before: Mapping[Key, R], rows: list[R]) -> list[R]:
        """The rows with their personal columns filled; what did not change is not opened again."""
        filled: list[dict[str, Any]] = [{} for _ in rows]
        for opened in self.view.opened:
            closed: dict[str, list[int]] = {}
            for place, row in enumerate(rows):
                old = before.get(self.table.key_of(row))
                sealed = getattr(row, opened.of)
                if sealed is None:
                    filled[place][opened.column] = None
                elif old is not None and sealed == getattr(old, opened.of):
                    filled[place][opened.column] = getattr(old, opened.column)
                else:
                    closed.setdefault(getattr(row, self.view.tenant), []).append(place)
            for tenant, chosen in closed.items():
                values = [getattr(rows[place], opened.of) for place in chosen]
                for place, value in zip(
                    chosen, await self._open(tenant, opened, values), strict=True
                ):
                    filled[place][opened.column] = value
        return [
            replace(row, **values) if values else row  # type: ignore[type-var]  # rows are dataclasses
            for row, values in zip(rows, filled, strict=True)
        ]

    async def _open(self, tenant: str, opened: Opened, values: list[Any]) -> list[Any]:
        assert self._sealers is not None, "checked when the fold was made"  # noqa: S101
        kind = next(column.sealed for column in self.view.columns if column.name == opened.of)
        found = await self._sealers.of(TenantId(tenant)).open_known(values, kind)
        return [None if value is None else opened.show(value) for value in found]

    def _poisoned(self, fact: Fact, error: Exception) -> Poisoned:
        return Poisoned(self.view, fact.recorded, type(error).__name__)
