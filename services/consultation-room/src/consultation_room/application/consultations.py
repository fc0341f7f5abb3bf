"""Commands about a consultation that need the tenant's policies."""

from collections.abc import Callable
from datetime import datetime

from consultation_room.application import ConsultationRoom
from consultation_room.domain.consultation.commands import CompleteConsultation, TakeInWork
from consultation_room.domain.consultation.events import ConsultationEvent
from consultation_room.domain.consultation.state import Consultation, Started
from consultation_room.domain.policies import RoomPolicies
from event_store import CommandContext, Handled
from vocabulary.ids import ClinicianId, ConsultationId, TenantId

__all__ = ["complete", "policies_of", "take_in_work"]

ContextOf = Callable[[int], CommandContext]
"""The context of a command that was decided by this version of the policies."""


async def policies_of(
    room: ConsultationRoom, tenant: TenantId, state: Consultation, now: datetime
) -> tuple[RoomPolicies, int]:
    """A running consultation keeps the policies that it started with (OPS-15); others have those of now."""
    if isinstance(state, Started):
        return await room.policies.at(
            tenant, state.work.taken_at, version=state.work.policy_version
        )
    return await room.policies.at(tenant, now)


async def take_in_work(
    room: ConsultationRoom,
    tenant: TenantId,
    consultation_id: ConsultationId,
    clinician_id: ClinicianId,
    now: datetime,
    context_of: ContextOf,
) -> Handled[Consultation, ConsultationEvent]:
    policies, version = await room.policies.at(tenant, now)
    command = TakeInWork(
        consultation_id=consultation_id,
        clinician_id=clinician_id,
        policies=policies,
        policy_version=version,
        now=now,
    )
    return await room.consultations.handle(
        command, key=consultation_id, context=context_of(version)
    )


async def complete(
    room: ConsultationRoom,
    tenant: TenantId,
    consultation_id: ConsultationId,
    clinician_id: ClinicianId,
    now: datetime,
    context_of: ContextOf,
) -> Handled[Consultation, ConsultationEvent]:
    state, _ = await room.consultations.load(tenant=tenant, key=consultation_id)
    policies, version = await policies_of(room, tenant, state, now)
    command = CompleteConsultation(
        consultation_id=consultation_id, clinician_id=clinician_id, policies=policies, now=now
    )
    return await room.consultations.handle(
        command, key=consultation_id, context=context_of(version)
    )
