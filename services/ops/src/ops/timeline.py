"""The story of one thing over all services, put in order (OPS-05). Pure: entries in, entries out."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

__all__ = ["Entry", "ordered", "reason_of", "told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as the audit trail keeps it: what, who, when and why, never a personal value."""

    event_id: UUID
    service: str
    stream: str
    revision: int
    type: str
    time: datetime
    tenant: str
    actor: str
    role: str
    correlation: UUID
    causation: UUID | None = None
    subject: str | None = None
    policy: int | None = None
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)


def ordered(entries: Iterable[Entry]) -> Sequence[Entry]:
    """By time; but nothing before its cause, and a stream in the order of its revisions.

    Kahn's topological sort with the time as priority: clocks of several services may differ by a little.
    """
    by_id = {entry.event_id: entry for entry in entries}
    after: defaultdict[UUID, list[Entry]] = defaultdict(list)
    waiting: dict[UUID, int] = dict.fromkeys(by_id, 0)
    for earlier, later in _constraints(by_id):
        after[earlier].append(by_id[later])
        waiting[later] += 1
    ready = [_ranked(entry) for entry in by_id.values() if not waiting[entry.event_id]]
    heapq.heapify(ready)
    story = []
    while ready:
        entry = heapq.heappop(ready)[-1]
        story.append(entry)
        for follower in after[entry.event_id]:
            waiting[follower.event_id] -= 1
            if not waiting[follower.event_id]:
                heapq.heappush(ready, _ranked(follower))
    return story


def reason_of(entry: Entry, by_id: Mapping[UUID, Entry]) -> str:
    """Why it happened: the event that led to it, or the wish of whoever acted."""
    cause = by_id.get(entry.causation) if entry.causation else None
    if cause is not None:
        return f"{cause.service}: {cause.type.rpartition('.')[0]}"
    return "a timer or an event elsewhere" if entry.causation else "request"


def told(story: Sequence[Entry]) -> Sequence[dict[str, Any]]:
    """The story as it is told outside, by the API and by the command line."""
    by_id = {entry.event_id: entry for entry in story}
    return [
        {
            "event_id": entry.event_id,
            "time": entry.time,
            "service": entry.service,
            "type": entry.type,
            "stream": entry.stream,
            "revision": entry.revision,
            "actor": entry.actor,
            "role": entry.role,
            "subject": entry.subject,
            "because": reason_of(entry, by_id),
            "correlation_id": entry.correlation,
            "causation_id": entry.causation,
            "policy_version": entry.policy,
            "facts": entry.facts,
        }
        for entry in story
    ]


def _constraints(by_id: Mapping[UUID, Entry]) -> Iterable[tuple[UUID, UUID]]:
    for entry in by_id.values():
        if entry.causation in by_id and entry.causation is not None:
            yield entry.causation, entry.event_id
    streams: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in by_id.values():
        streams[entry.service, entry.stream].append(entry)
    for stream in streams.values():
        stream.sort(key=lambda entry: entry.revision)
        for earlier, later in pairwise(stream):
            yield earlier.event_id, later.event_id


def _ranked(entry: Entry) -> tuple[datetime, str, str, int, UUID, Entry]:
    """Unique before the entry itself, which has no order."""
    return entry.time, entry.service, entry.stream, entry.revision, entry.event_id, entry
