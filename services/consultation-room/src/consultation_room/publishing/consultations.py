"""What the world hears of a consultation: its life, never its chat."""

from uuid import UUID

from consultation_room.domain.consultation import events as private
from consultation_room.domain.details import Participants
from contracts import consultation_room as public
from contracts.fact import PublicEvent
from messaging import Envelope

__all__ = ["publish"]


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    match event:
        case private.ConsultationOpened(details=details):
            return public.ConsultationOpened(
                **_whose(details.participants),
                planned_start=details.planned_start,
                planned_end=details.planned_end,
            )
        case private.ConsultationTakenInWork():
            return public.ConsultationTakenInWork(**_whose(event.participants))
        case private.ConsultationCompleted():
            return public.ConsultationCompleted(
                **_whose(event.participants),
                accepted_at=event.taken_at,
                completed_at=event.completed_at,
            )
        case private.ConsultationCancelled():
            return public.ConsultationCancelled(**_whose(event.participants))
        case private.ConsultationExpired():
            return public.ConsultationExpired(
                **_whose(event.participants), patient_waited=event.patient_waited
            )
        case _:
            return None


def _whose(participants: Participants) -> dict[str, UUID]:
    return {
        "consultation_id": participants.consultation_id,
        "appointment_id": participants.appointment_id,
        "patient_id": participants.patient_id,
        "clinician_id": participants.clinician_id,
    }
