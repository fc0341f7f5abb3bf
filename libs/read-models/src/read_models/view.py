"""What a read model is: a table, the rows an event touches, and a pure fold of one row."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from event_store import Cursor, Metadata, RecordedEvent
from read_models.columns import Column, columns_of

__all__ = ["SCHEMA", "Fact", "Opened", "View"]

SCHEMA = "views"
"""The schema of every view's table and of their checkpoints."""

R = TypeVar("R")
Key = tuple[Any, ...]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Fact:
    """What is known of an event beside its body: its place, its metadata, and the row it is projected into."""

    __slots__ = ("_metadata", "key", "recorded")

    def __init__(self, recorded: RecordedEvent) -> None:
        self.recorded = recorded
        self.key: Key = ()
        """The key of the row that is being projected; empty while keys are asked for."""
        self._metadata: Metadata | None = None

    @property
    def metadata(self) -> Metadata:
        """The event's metadata, decoded once."""
        if self._metadata is None:
            self._metadata = self.recorded.meta()
        return self._metadata

    @property
    def id(self) -> UUID:
        """The event's id."""
        return self.recorded.id

    @property
    def tenant(self) -> str:
        """The tenant whose stream it is."""
        return self.metadata.tenant

    @property
    def time(self) -> datetime:
        """The instant of the command that led to it."""
        return self.metadata.time

    @property
    def stream(self) -> str:
        """The text form of its stream."""
        return self.recorded.stream

    @property
    def stream_key(self) -> str:
        """The key of its aggregate (neither category nor tenant has a dot)."""
        return self.recorded.stream.partition(".")[2]

    @property
    def revision(self) -> int:
        """Its revision in its stream."""
        return self.recorded.revision

    @property
    def position(self) -> Cursor:
        """Its place in the order of all events of the store."""
        return self.recorded.cursor


@dataclass(frozen=True, slots=True)
class Opened:
    """A personal column that the runner fills from a sealed one, for search and order.

    `show` makes the column's value of the opened one (the identity when left out). The value of an erased subject is
    None, so the column is Optional.
    """

    column: str
    of: str
    show: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View(Generic[R]):
    """A read model as a keyed fold of the service's own store.

    `events`: event class to the keys of the rows it touches, each a tuple in the order of `key`; no keys: the event
    is not for this view. `project(row or None, event, fact)` is pure and answers the row after the event: None for
    no row, the same object for no change. A change of row type, keys or project takes a new `version`.

    `opened` are columns with personal values in the clear; a view that has them names in `subject` the column with
    the person's id, and in `tenant` the column with the tenant whose keys open them.

    `foreign` are columns that somebody else writes too (timers settle their rows): the runner locks the rows that it
    folds, a digest leaves these columns out, and a rebuilt table takes their values over for rows that are otherwise
    equal.
    """

    name: str
    version: int
    row: type[R]
    key: tuple[str, ...]
    events: Mapping[type[Any], Callable[[Any, Fact], Iterable[Key]]]
    project: Callable[[R | None, Any, Fact], R | None]
    indexes: Sequence[tuple[str, ...]] = ()
    opened: Sequence[Opened] = ()
    subject: str | None = None
    tenant: str = "tenant"
    foreign: tuple[str, ...] = ()
    partial_indexes: Mapping[str, str] = field(default_factory=dict)
    """Further indexes, column list to condition: `{"due_at": "due_at IS NOT NULL"}`."""
    columns: tuple[Column, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Raises ValueError for a name, key, index or personal column that does not fit, TypeError for a type."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a view: up to 40 of a-z, 0-9, _")
        object.__setattr__(self, "columns", columns_of(self.row))
        named = {column.name: column for column in self.columns}
        wanted = [*self.key, *(name for index in self.indexes for name in index)]
        wanted += [
            *self.foreign,
            *(name for opened in self.opened for name in (opened.column, opened.of)),
        ]
        if self.opened:
            wanted += [self.tenant, self.subject or "(a view with opened values names its subject)"]
        missing = [name for name in wanted if name not in named]
        if missing or not self.key:
            raise ValueError(f"view {self.name}: no column {', '.join(missing) or 'is the key'}")
        if any(named[name].nullable or named[name].sql == "jsonb" for name in self.key):
            raise ValueError(f"view {self.name}: a key column is never null and has an order")
        for opened in self.opened:
            if named[opened.of].sealed is None or not named[opened.column].nullable:
                raise ValueError(
                    f"view {self.name}: {opened.column} is Optional, of a Sealed column"
                )

    @property
    def table(self) -> str:
        """The table that serves, with its schema."""
        return f"{SCHEMA}.{self.relation}"

    @property
    def relation(self) -> str:
        """The table's name without the schema."""
        return f"{self.name}_v{self.version}"
