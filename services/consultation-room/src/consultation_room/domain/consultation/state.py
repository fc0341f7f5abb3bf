"""What a consultation remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from consultation_room.domain.consultation.errors import NotInWork, PaymentRequired
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
from consultation_room.domain.details import (
    AuthorRole,
    ConsultationClosed,
    ConsultationDetails,
    ConsultationNotFound,
    PaymentStatus,
)
from vocabulary.ids import ConclusionId

__all__ = [
    "Closed",
    "Consultation",
    "ConsultationStatus",
    "Open",
    "Started",
    "Unknown",
    "Work",
    "evolve",
    "expect_entry",
    "expect_known",
    "expect_open",
    "expect_speech",
]


class ConsultationStatus(StrEnum):
    """As people see it (ROOM-02)."""

    PLANNED = "PLANNED"
    PATIENT_WAITING = "PATIENT_WAITING"
    IN_WORK = "IN_WORK"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Not opened; what is known of the payment may have come first."""

    payment_status: PaymentStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Not taken by the doctor yet; the patient may be waiting, or have waited in its planned time and left."""

    details: ConsultationDetails
    payment_status: PaymentStatus
    expires_at: datetime | None = None
    waiting_since: datetime | None = None
    waited_before: bool = False

    @property
    def patient_waiting(self) -> bool:
        return self.waiting_since is not None

    def waited_until(self, now: datetime) -> bool:
        """Whether the patient was there at some moment of the planned time; who comes after it has not waited."""
        since = self.waiting_since
        here = since is not None and since < self.details.planned_end
        return self.waited_before or (here and now >= self.details.planned_start)

    @property
    def status(self) -> ConsultationStatus:
        return (
            ConsultationStatus.PATIENT_WAITING
            if self.patient_waiting
            else ConsultationStatus.PLANNED
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Since when, and by which version of the policies until the end (OPS-15)."""

    taken_at: datetime
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Taken, not ended; suspended while the doctor is away."""

    details: ConsultationDetails
    payment_status: PaymentStatus
    work: Work
    suspended: bool = False

    @property
    def status(self) -> ConsultationStatus:
        return ConsultationStatus.SUSPENDED if self.suspended else ConsultationStatus.IN_WORK


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Completed, cancelled or expired."""

    details: ConsultationDetails
    status: ConsultationStatus
    conclusion_id: ConclusionId | None = None


Consultation = Unknown | Open | Started | Closed


def evolve(state: Consultation, event: ConsultationEvent) -> Consultation:
    match event:
        case ConsultationOpened():
            return Open(
                details=event.details,
                payment_status=event.payment_status,
                expires_at=event.expires_at,
            )
        case ConsultationPaymentRecorded():
            return _paid(state, PaymentStatus.PAID)
        case ConsultationRefundRecorded():
            return _paid(state, PaymentStatus.REFUNDED)
        case ConsultationRescheduled():
            return _moved(state, event)
        case PatientJoined():
            return replace(_open(state), waiting_since=event.joined_at)
        case PatientLeft():
            room = _open(state)
            waited = room.waited_until(event.left_at)
            return replace(room, waiting_since=None, waited_before=waited)
        case ConsultationTakenInWork():
            was = _open(state)
            work = Work(taken_at=event.taken_at, policy_version=event.policy_version)
            return Started(details=was.details, payment_status=was.payment_status, work=work)
        case ConsultationSuspended():
            return replace(_started(state), suspended=True)
        case ConsultationResumed():
            return replace(_started(state), suspended=False)
        case ConsultationCompleted():
            return _closed(state, ConsultationStatus.COMPLETED)
        case ConsultationConclusionRecorded():
            return _concluded(state, event)
        case ConsultationCancelled():
            return _closed(state, ConsultationStatus.CANCELLED)
        case ConsultationExpired():
            return _closed(state, ConsultationStatus.EXPIRED)
        case _:
            assert_never(event)


def expect_known(state: Consultation) -> Open | Started | Closed:
    """Raises ConsultationNotFound."""
    if isinstance(state, Unknown):
        raise ConsultationNotFound
    return state


def expect_open(state: Consultation) -> Open | Started:
    """Not ended; raises ConsultationNotFound, ConsultationClosed."""
    known = expect_known(state)
    if isinstance(known, Closed):
        raise ConsultationClosed
    return known


def expect_entry(state: Consultation) -> Open | Started:
    """Not ended, and nothing is owed (ROOM-16, BIL-45); raises PaymentRequired too."""
    room = expect_open(state)
    if not room.payment_status.lets_in:
        raise PaymentRequired(appointment_id=room.details.participants.appointment_id)
    return room


def expect_speech(state: Consultation, side: AuthorRole) -> Open | Started:
    """Whoever may enter may speak; the doctor once it is taken (ROOM-08). Raises NotInWork too."""
    room = expect_entry(state)
    if side is AuthorRole.DOCTOR and isinstance(room, Open):
        raise NotInWork
    return room


def _open(state: Consultation) -> Open:
    assert isinstance(state, Open), state  # noqa: S101 - the decider made no such history
    return state


def _started(state: Consultation) -> Started:
    assert isinstance(state, Started), state  # noqa: S101 - the decider made no such history
    return state


def _closed(state: Consultation, status: ConsultationStatus) -> Closed:
    return Closed(details=expect_known(state).details, status=status)


def _concluded(state: Consultation, event: ConsultationConclusionRecorded) -> Closed:
    assert isinstance(state, Closed), state  # noqa: S101 - the decider made no such history
    return replace(state, conclusion_id=event.conclusion_id)


def _paid(state: Consultation, status: PaymentStatus) -> Consultation:
    return state if isinstance(state, Closed) else replace(state, payment_status=status)


def _moved(state: Consultation, event: ConsultationRescheduled) -> Consultation:
    room = expect_open(state)
    details = replace(
        room.details, planned_start=event.planned_start, planned_end=event.planned_end
    )
    if isinstance(room, Open):
        return replace(room, details=details, expires_at=event.expires_at, waited_before=False)
    return replace(room, details=details)
