"""Rules of a consultation: who enters when, who takes it when, and how it ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from consultation_room.domain.consultation.commands import (
    AdmitPatient,
    CancelConsultation,
    CompleteConsultation,
    ConsultationCommand,
    ExpireConsultation,
    LeaveRoom,
    OpenConsultation,
    RecordConclusion,
    RecordPayment,
    RecordRefund,
    RescheduleConsultation,
    ResumeConsultation,
    TakeInWork,
)
from consultation_room.domain.consultation.errors import NotAssignedDoctor, NotInWork, TooEarly
from consultation_room.domain.consultation.events import (
    ConsultationCancelled,
    ConsultationCompleted,
    ConsultationConclusionRecorded,
    ConsultationEvent,
    ConsultationExpired,
    ConsultationOpened,
    ConsultationPaymentRecorded,
    ConsultationRefundRecorded,
    ConsultationRescheduled,
    ConsultationResumed,
    ConsultationSuspended,
    ConsultationTakenInWork,
    PatientJoined,
    PatientLeft,
)
from consultation_room.domain.consultation.state import (
    Closed,
    Consultation,
    ConsultationStatus,
    Open,
    Started,
    Unknown,
    evolve,
    expect_entry,
    expect_known,
    expect_open,
)
from consultation_room.domain.details import AuthorRole, PaymentStatus
from decider import Decider
from vocabulary.ids import ClinicianId

__all__ = ["CONSULTATION", "decide"]


def decide(command: ConsultationCommand, state: Consultation) -> Sequence[ConsultationEvent]:
    match command:
        case OpenConsultation():
            return open_room(command, state)
        case RescheduleConsultation():
            return reschedule(command, state)
        case RecordPayment():
            return record_payment(command, state)
        case RecordRefund():
            return record_refund(command, state)
        case RecordConclusion():
            return record_conclusion(command, state)
        case AdmitPatient():
            return admit_patient(command, state)
        case LeaveRoom():
            return leave(command, state)
        case TakeInWork():
            return take(command, state)
        case ResumeConsultation():
            return resume(command, state)
        case CompleteConsultation():
            return complete(command, state)
        case CancelConsultation():
            return cancel(state)
        case ExpireConsultation():
            return expire(command, state)
        case _:
            assert_never(command)


def open_room(command: OpenConsultation, state: Consultation) -> Sequence[ConsultationOpened]:
    if not isinstance(state, Unknown):
        return []
    # Billing's news may come before booking's, and is then the newer one.
    heard = state.payment_status if command.payment_status is PaymentStatus.UNPAID else None
    status = heard or command.payment_status
    minutes = command.no_show_minutes
    return [
        ConsultationOpened(
            details=command.details,
            payment_status=status,
            expires_at=None
            if minutes is None
            else command.details.planned_end + timedelta(minutes=minutes),
        )
    ]


def reschedule(
    command: RescheduleConsultation, state: Consultation
) -> Sequence[ConsultationRescheduled]:
    room = expect_open(state)
    details = room.details
    expires_at = room.expires_at if isinstance(room, Open) else None
    if (details.planned_start, details.planned_end) == (command.planned_start, command.planned_end):
        return []
    return [
        ConsultationRescheduled(
            consultation_id=command.consultation_id,
            planned_start=command.planned_start,
            planned_end=command.planned_end,
            zone=details.zone,
            expires_at=expires_at and expires_at + (command.planned_end - details.planned_end),
        )
    ]


def record_payment(
    command: RecordPayment, state: Consultation
) -> Sequence[ConsultationPaymentRecorded]:
    if isinstance(state, Closed) or state.payment_status not in {None, PaymentStatus.UNPAID}:
        return []
    return [
        ConsultationPaymentRecorded(
            consultation_id=command.consultation_id, invoice_id=command.invoice_id
        )
    ]


def record_refund(
    command: RecordRefund, state: Consultation
) -> Sequence[ConsultationRefundRecorded]:
    if isinstance(state, Closed) or state.payment_status is not PaymentStatus.PAID:
        return []
    return [
        ConsultationRefundRecorded(
            consultation_id=command.consultation_id, invoice_id=command.invoice_id
        )
    ]


def record_conclusion(
    command: RecordConclusion, state: Consultation
) -> Sequence[ConsultationConclusionRecorded]:
    """Only what is over has one; whoever wrote it heard of the end from here."""
    if not isinstance(state, Closed) or state.conclusion_id == command.conclusion_id:
        return []
    return [
        ConsultationConclusionRecorded(
            consultation_id=command.consultation_id,
            conclusion_id=command.conclusion_id,
            published_at=command.published_at,
        )
    ]


def admit_patient(command: AdmitPatient, state: Consultation) -> Sequence[PatientJoined]:
    match expect_entry(state):
        case Open(patient_waiting=False):
            return [PatientJoined(consultation_id=command.consultation_id, joined_at=command.now)]
        case _:
            return []


def leave(command: LeaveRoom, state: Consultation) -> Sequence[PatientLeft | ConsultationSuspended]:
    """A leave ends nothing (ROOM-19); only those that tell the other side something are facts."""
    match state, command.side:
        case Open(patient_waiting=True), AuthorRole.CLIENT:
            return [PatientLeft(consultation_id=command.consultation_id, left_at=command.now)]
        case Started(suspended=False), AuthorRole.DOCTOR:
            return [
                ConsultationSuspended(
                    consultation_id=command.consultation_id, suspended_at=command.now
                )
            ]
        case _:
            return []


def take(command: TakeInWork, state: Consultation) -> Sequence[ConsultationTakenInWork]:
    _expect_assigned(state, command.clinician_id)
    room = expect_entry(state)
    if isinstance(room, Started):
        return []
    lead = timedelta(minutes=command.policies.take_lead_minutes)
    if command.now < (allowed_at := room.details.planned_start - lead):
        raise TooEarly(allowed_at=allowed_at)
    return [
        ConsultationTakenInWork(
            participants=room.details.participants,
            doctor_name=room.details.doctor_name,
            specialty=room.details.specialty,
            taken_at=command.now,
            policy_version=command.policy_version,
        )
    ]


def resume(command: ResumeConsultation, state: Consultation) -> Sequence[ConsultationResumed]:
    """A doctor who connects before taking is only looking in."""
    _expect_assigned(state, command.clinician_id)
    match expect_entry(state):
        case Started(suspended=True):
            return [
                ConsultationResumed(consultation_id=command.consultation_id, resumed_at=command.now)
            ]
        case _:
            return []


def complete(command: CompleteConsultation, state: Consultation) -> Sequence[ConsultationCompleted]:
    _expect_assigned(state, command.clinician_id)
    if isinstance(state, Closed) and state.status is ConsultationStatus.COMPLETED:
        return []
    room = expect_open(state)
    if isinstance(room, Open):
        raise NotInWork
    return [
        ConsultationCompleted(
            participants=room.details.participants,
            taken_at=room.work.taken_at,
            completed_at=command.now,
            conclusion_due_hours=command.policies.conclusion_due_hours,
            call_centre_phones=command.policies.call_centre_phones,
        )
    ]


def cancel(state: Consultation) -> Sequence[ConsultationCancelled]:
    """Booking has cancelled: holds that lapse never had a room, and what took place stays so."""
    if isinstance(state, Unknown | Closed):
        return []
    return [ConsultationCancelled(participants=state.details.participants)]


def expire(command: ExpireConsultation, state: Consultation) -> Sequence[ConsultationExpired]:
    match state:
        case Open(expires_at=datetime() as expires_at) if command.now >= expires_at:
            return [
                ConsultationExpired(
                    participants=state.details.participants,
                    patient_waited=state.waited_until(command.now),
                )
            ]
        case _:
            return []


def _expect_assigned(state: Consultation, clinician_id: ClinicianId) -> None:
    if expect_known(state).details.participants.clinician_id != clinician_id:
        raise NotAssignedDoctor


CONSULTATION: Decider[ConsultationCommand, Consultation, ConsultationEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)
