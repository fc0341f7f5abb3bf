"""What is remembered of readings: when each session has read last."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from conclusions.domain.draft_reading.events import DraftReadingEvent

__all__ = ["DraftReading", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReading:
    """`read_at` is by reader and session."""

    read_at: Mapping[tuple[str, UUID | None], datetime] = field(default_factory=dict)


def evolve(state: DraftReading, event: DraftReadingEvent) -> DraftReading:
    return replace(
        state, read_at={**state.read_at, (event.reader, event.session_id): event.read_at}
    )
