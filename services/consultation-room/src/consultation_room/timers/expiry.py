"""The end of a consultation that nobody took, where the clinic wants one (ROOM-02, ROOM-05)."""

from typing import Final
from uuid import UUID

from consultation_room.domain.consultation.commands import ExpireConsultation
from consultation_room.domain.consultation.events import (
    ConsultationCancelled,
    ConsultationOpened,
    ConsultationRescheduled,
    ConsultationTakenInWork,
)
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed
from vocabulary.ids import ConsultationId

__all__ = ["EXPIRY"]


def due(event: ConsultationOpened | ConsultationRescheduled, fact: Fact) -> Due | None:
    return None if event.expires_at is None else Due(key=fact.stream_key, at=event.expires_at)


def expire(elapsed: Elapsed) -> Dispatch:
    room = ConsultationId(UUID(elapsed.key))
    return Dispatch(
        to="consultations",
        key=room,
        command=ExpireConsultation(consultation_id=room, now=elapsed.now),
    )


EXPIRY: Final = Deadline(
    name="expiry",
    sets={ConsultationOpened: due, ConsultationRescheduled: due},
    cancels={
        ConsultationTakenInWork: lambda _event, fact: fact.stream_key,
        ConsultationCancelled: lambda _event, fact: fact.stream_key,
    },
    fire=expire,
)
