"""What the consultation room tells: that a doctor has ended a consultation, so a conclusion is due."""

from uuid import uuid5

import msgspec

from conclusions.application import Conclusions
from conclusions.domain.conclusion.commands import OpenConclusion
from conclusions.domain.conclusion.events import ConclusionCase
from contracts.consultation_room import ConsultationCompleted
from contracts.fact import PublicEvent
from messaging import Cause, Reaction
from vocabulary.ids import (
    AppointmentId,
    ClinicianId,
    ConclusionId,
    ConsultationId,
    PatientId,
)

__all__ = ["HANDLERS"]


async def on_consultation_completed(
    event: ConsultationCompleted, cause: Cause, conclusions: Conclusions
) -> None:
    """By the policies that held when the doctor took the consultation in work (OPS-15)."""
    policies, version = await conclusions.policies.at(cause.tenant, event.accepted_at)
    case = ConclusionCase(
        conclusion_id=ConclusionId(uuid5(event.consultation_id, "conclusion")),
        consultation_id=ConsultationId(event.consultation_id),
        appointment_id=AppointmentId(event.appointment_id),
        patient_id=PatientId(event.patient_id),
        clinician_id=ClinicianId(event.clinician_id),
        accepted_at=event.accepted_at,
        completed_at=event.completed_at,
    )
    context = cause.command("open")
    metadata = msgspec.structs.replace(context.metadata, policy=version)
    await conclusions.conclusions.handle(
        OpenConclusion(case=case, signing=policies.signing),
        key=case.consultation_id,
        context=msgspec.structs.replace(context, metadata=metadata),
    )


HANDLERS: dict[type[PublicEvent], Reaction] = {ConsultationCompleted: on_consultation_completed}
