"""From something that happened to a message in the queue."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from messaging import Cause, Dispatch
from notifications.application import Notifications
from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.clinic.decider import CLINIC_KEY
from notifications.domain.message.commands import QueueMessage
from notifications.domain.message.events import MessageDetails
from notifications.domain.message_types import MESSAGE_TYPES, Channel, MessageType
from notifications.domain.reminder_plan.state import ReminderPlan
from service_kit.errors import Unavailable
from vocabulary.ids import AppointmentId, MessageId
from vocabulary.sealed import Sealed

__all__ = ["appointment_facts", "known_plan", "message_id_of", "queue", "tell_of_appointment"]


def message_id_of(event_id: UUID, recipient_id: UUID, message_type: MessageType) -> MessageId:
    """The same for every delivery of the event, so that a person is told once (NTF-27)."""
    return MessageId(uuid5(event_id, f"{recipient_id}/{message_type}"))


def queue(
    cause: Cause,
    message_type: MessageType,
    recipient_id: UUID,
    *,
    language: str,
    wanted: bool,
    email: Sealed[str] | None,
    phone: Sealed[str] | None,
    facts: Mapping[str, str],
    sealed: Mapping[str, Sealed[str]] | None = None,
    appointment_id: AppointmentId | None = None,
    useful_until: datetime | None = None,
) -> Dispatch:
    """Queue a message over those channels of its type for which there is an address."""
    found = {Channel.EMAIL: email, Channel.SMS: phone}
    details = MessageDetails(
        message_id=message_id_of(cause.envelope.id, recipient_id, message_type),
        message_type=message_type,
        recipient_id=recipient_id,
        language=language,
        addresses={
            channel: address
            for channel in MESSAGE_TYPES[message_type].channels
            if (address := found[channel]) is not None
        },
        facts=facts,
        sealed=sealed or {},
        appointment_id=appointment_id,
        useful_until=useful_until,
    )
    command = QueueMessage(details=details, wanted=wanted, now=cause.now)
    return Dispatch(to="messages", key=details.message_id, command=command)


async def tell_of_appointment(
    app: Notifications,
    cause: Cause,
    message_type: MessageType,
    recipient_id: UUID,
    details: AppointmentDetails,
    **more: str,
) -> Dispatch:
    """Queue a message about an appointment to its patient or doctor.

    Raises Unavailable while identity's fact of the person is still on its way: topics keep no common order.
    """
    preference, _ = await app.contact_preferences.load(tenant=cause.tenant, key=recipient_id)
    if preference is None:
        raise Unavailable("contacts of a person")
    return queue(
        cause,
        message_type,
        recipient_id,
        language=preference.language,
        wanted=preference.wants_letters,
        email=preference.email,
        phone=preference.phone,
        facts={**await appointment_facts(app, cause.tenant, details), **more},
        appointment_id=details.appointment_id,
        useful_until=details.starts_at if MESSAGE_TYPES[message_type].before_the_visit else None,
    )


async def known_plan(
    app: Notifications, cause: Cause, appointment_id: UUID
) -> tuple[ReminderPlan, AppointmentDetails]:
    """The plan of an appointment; raises Unavailable while booking's fact of it is still on its way."""
    plan, _ = await app.reminder_plans.load(tenant=cause.tenant, key=appointment_id)
    if plan.details is None:
        raise Unavailable("facts of an appointment")
    return plan, plan.details


async def appointment_facts(
    app: Notifications, tenant: str, details: AppointmentDetails
) -> dict[str, str]:
    """What a message may say of an appointment; nothing in it is about the patient."""
    clinic, _ = await app.clinics.load(tenant=tenant, key=CLINIC_KEY)
    branch = clinic.branches.get(details.branch_id)
    if branch is None:
        raise Unavailable("facts of a branch")
    return {
        "clinic": clinic.organisation.legal_name if clinic.organisation else branch.name,
        "branch": branch.name,
        "address": branch.address,
        "doctor": details.doctor_name,
        "specialty": details.specialty,
        "kind": details.kind,
        "zone": details.zone,
        "starts_at": details.starts_at.isoformat(),
        "ends_at": details.ends_at.isoformat(),
    }
