"""Folded states kept beside long streams, so that a cold start reads the last few events only.

A snapshot is a cache: losing one costs time. It carries the name of the shape it was written in; one of another
shape is not read but written anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from event_store.records import Cursor, StreamName

__all__ = ["Snapshot", "SnapshotStore", "Snapshots"]

S = TypeVar("S")


class Snapshot(NamedTuple):
    """A state as bytes, and the last event in it."""

    revision: int
    cursor: Cursor
    state: bytes


class SnapshotStore(Protocol):
    """The newest snapshot of each stream."""

    async def load(self, stream: StreamName, schema: str) -> Snapshot | None:
        """The snapshot of a stream in this shape. Raises StoreUnavailable."""
        ...

    async def save(self, stream: StreamName, schema: str, snapshot: Snapshot) -> None:
        """Replace the snapshot of a stream. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots(Generic[S]):
    """How the states of one aggregate are kept: where, in which shape, after how many events, as which bytes.

    `schema` must change with every change of the state's shape or of `evolve`.
    """

    store: SnapshotStore
    schema: str
    encode: Callable[[S], bytes]
    decode: Callable[[bytes], S]
    every: int = 100
