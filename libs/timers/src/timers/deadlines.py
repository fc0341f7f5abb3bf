"""Deadlines as a keyed fold: which events set and cancel them, and the view that keeps what is due."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from messaging import Dispatch
from read_models import Fact, View

__all__ = ["Deadline", "Due", "Elapsed", "Timer", "timers_view"]

Key: TypeAlias = "str | UUID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A deadline of `key` at one instant, or at several that are to fire one after the other.

    An instant that is past already fires at once.
    """

    key: Key
    at: datetime | Sequence[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """A deadline that has come: its planned instant, which one of the deadline's several, and the actual time."""

    name: str
    tenant: str
    key: str
    at: datetime
    index: int
    generation: UUID
    """The id of the event that set it."""
    now: datetime
    correlation: UUID
    subject: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One kind of deadline: the events that set and cancel it, all pure, and the command that it fires.

    A later set of the same tenant and key replaces an earlier one. The decider of the command may refuse: a timer of
    a thing that has ended does nothing.
    """

    name: str
    sets: Mapping[type[Any], Callable[[Any, Fact], "Due | Sequence[Due] | None"]]
    fire: Callable[[Elapsed], "Dispatch | Sequence[Dispatch] | None"]
    cancels: Mapping[type[Any], Callable[[Any, Fact], "Key | Sequence[Key] | None"]] = field(
        default_factory=dict
    )

    def dues(self, event: object, fact: Fact) -> Mapping[str, tuple[datetime, ...]]:
        """What an event sets: instants in order by key; no instants: the key's deadline ends."""
        setting, cancelling = self.sets.get(type(event)), self.cancels.get(type(event))
        ended: Any = cancelling(event, fact) if cancelling else None
        found: dict[str, tuple[datetime, ...]] = {str(key): () for key in _several(ended)}
        for due in _several(setting(event, fact) if setting else None):
            found[str(due.key)] = tuple(sorted(_several(due.at)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A deadline in the table. The last four fields are the worker's: it settles, the fold starts them afresh.

    `due_at` is the instant of number `done`, None when all have fired; `not_before` is on the database's clock: a
    claim, or a pause after a failure, ends then.
    """

    name: str
    tenant: str
    key: str
    generation: UUID
    instants: tuple[datetime, ...]
    correlation: UUID
    subject: str | None
    traceparent: str | None
    due_at: datetime | None
    done: int = 0
    attempts: int = 0
    not_before: datetime | None = None


def timers_view(deadlines: Sequence[Deadline], *, version: int = 1) -> View[Timer]:
    """The view of a service's deadlines, for its ProjectionRunner. Change `version` when what they set changes.

    Raises ValueError when two deadlines have one name.
    """
    named = {deadline.name: deadline for deadline in deadlines}
    if len(named) != len(deadlines):
        raise ValueError("two deadlines have one name")
    by_event: dict[type[Any], list[Deadline]] = {}
    for deadline in deadlines:
        for kind in {*deadline.sets, *deadline.cancels}:
            by_event.setdefault(kind, []).append(deadline)

    def keys(event: object, fact: Fact) -> Iterable[tuple[str, str, str]]:
        for deadline in by_event[type(event)]:
            for key in deadline.dues(event, fact):
                yield deadline.name, fact.tenant, key

    def project(_: Timer | None, event: object, fact: Fact) -> Timer | None:
        name, tenant, key = fact.key
        instants = named[name].dues(event, fact)[key]
        if not instants:
            return None
        return Timer(
            name=name,
            tenant=tenant,
            key=key,
            generation=fact.id,
            instants=instants,
            correlation=fact.metadata.correlation,
            subject=fact.metadata.subject,
            traceparent=fact.metadata.traceparent,
            due_at=instants[0],
        )

    return View(
        name="timers",
        version=version,
        row=Timer,
        key=("name", "tenant", "key"),
        events=dict.fromkeys(by_event, keys),
        project=project,
        foreign=("due_at", "done", "attempts", "not_before"),
        partial_indexes={"due_at": "due_at IS NOT NULL"},
    )


def _several(answer: Any) -> Sequence[Any]:
    if answer is None:
        return ()
    return answer if isinstance(answer, Sequence) and not isinstance(answer, str) else (answer,)
