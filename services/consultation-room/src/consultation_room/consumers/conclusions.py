"""Conclusions: what the history of a consultation shows of its protocol (ROOM-61)."""

from collections.abc import Callable, Sequence
from typing import Any

from consultation_room.domain.consultation.commands import RecordConclusion
from contracts.conclusions import ConclusionPublished
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch
from vocabulary.ids import ConclusionId, ConsultationId

__all__ = ["HANDLERS"]


def on_conclusion_published(event: ConclusionPublished, cause: Cause) -> Sequence[Dispatch]:
    consultation_id = ConsultationId(event.consultation_id)
    published = RecordConclusion(
        consultation_id=consultation_id,
        conclusion_id=ConclusionId(event.conclusion_id),
        published_at=cause.envelope.metadata.time,
    )
    return [Dispatch(to="consultations", key=consultation_id, command=published)]


HANDLERS: dict[type[PublicEvent], Callable[[Any, Cause], Sequence[Dispatch]]] = {
    ConclusionPublished: on_conclusion_published,
}
