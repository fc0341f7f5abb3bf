"""What the clinic says by itself, and when the chat ends."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from consultation_room.application.processes.conversation import PROCESS
from consultation_room.domain.chat_thread.commands import CloseThread, PostSystemMessage
from consultation_room.domain.chat_thread.events import SystemMessage
from consultation_room.domain.consultation.events import (
    ConsultationCancelled,
    ConsultationCompleted,
    ConsultationEvent,
    ConsultationExpired,
    ConsultationOpened,
    ConsultationRescheduled,
    ConsultationTakenInWork,
)
from consultation_room.domain.details import (
    ConsultationDetails,
    ConsultationType,
    Participants,
    PaymentStatus,
)
from event_store import Metadata
from messaging import Cause, Envelope
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    ConsultationId,
    PatientId,
    ServiceId,
)
from vocabulary.zone import ZoneId

ROOM = ConsultationId(UUID(int=1))
EVENT = UUID(int=99)
NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
PARTICIPANTS = Participants(
    consultation_id=ROOM,
    appointment_id=AppointmentId(UUID(int=5)),
    patient_id=PatientId(UUID(int=6)),
    clinician_id=ClinicianId(UUID(int=2)),
)
CAUSE = Cause(
    envelope=Envelope(
        id=EVENT,
        source="consultation_room",
        type="",
        key="",
        position="",
        data=b"",
        metadata=Metadata(
            tenant="north", actor="service:tests", role="service", time=NOW, correlation=EVENT
        ),
    ),
    now=NOW,
    consumer="consultation_room.conversation",
)


def said(event: ConsultationEvent) -> list[SystemMessage | str]:
    """The system messages that follow from an event, and "close" for the end."""
    found: list[SystemMessage | str] = []
    for dispatch in PROCESS.reactions[type(event)](event, CAUSE):  # type: ignore[union-attr]  # pure
        assert (dispatch.to, dispatch.key) == ("threads", ROOM)
        match dispatch.command:
            case PostSystemMessage(consultation_id=room, message=message, occasion=occasion):
                assert (room, occasion, dispatch.command.now) == (ROOM, EVENT, NOW)
                found.append(message)
            case CloseThread(consultation_id=room):
                assert (room, dispatch.command.now) == (ROOM, NOW)
                found.append("close")
            case _:
                raise AssertionError(dispatch)
    return found


WHEN = {"starts_at": NOW.isoformat(), "zone": "Europe/Moscow"}


@pytest.mark.requirement("ROOM-22")
def test_the_first_messages_accept_the_request_and_invite_documents() -> None:
    details = ConsultationDetails(
        participants=PARTICIPANTS,
        doctor_name="Иванова Анна",
        specialty="Кардиолог",
        branch_id=BranchId(UUID(int=7)),
        zone=ZoneId("Europe/Moscow"),
        service_id=ServiceId(UUID(int=8)),
        consultation_type=ConsultationType.PRIMARY,
        preferred_channel=None,
        planned_start=NOW,
        planned_end=NOW + timedelta(minutes=30),
    )
    opened = ConsultationOpened(details=details, payment_status=PaymentStatus.PAID, expires_at=None)
    assert said(opened) == [
        SystemMessage(key="REQUEST_ACCEPTED"),
        SystemMessage(key="DOCTOR_SOON", facts=WHEN),
    ]


@pytest.mark.requirement("ROOM-22", "ROOM-09")
def test_the_doctor_is_introduced_and_asks_when_the_consultation_starts() -> None:
    taken = ConsultationTakenInWork(
        participants=PARTICIPANTS,
        doctor_name="Иванова Анна",
        specialty="Кардиолог",
        taken_at=NOW,
        policy_version=0,
    )
    doctor = {"doctor_name": "Иванова Анна", "specialty": "Кардиолог"}
    assert said(taken) == [
        SystemMessage(key="GREETING", facts=doctor),
        SystemMessage(key="QUESTION"),
    ]


def test_a_move_is_told() -> None:
    moved = ConsultationRescheduled(
        consultation_id=ROOM,
        planned_start=NOW,
        planned_end=NOW + timedelta(minutes=30),
        zone="Europe/Moscow",
        expires_at=None,
    )
    assert said(moved) == [SystemMessage(key="RESCHEDULED", facts=WHEN)]


@pytest.mark.requirement("ROOM-23")
@pytest.mark.parametrize("phones", [("+7 495 000-00-00", "8 800 000-00-00"), ()])
def test_the_last_messages_say_what_happens_next(phones: tuple[str, ...]) -> None:
    completed = ConsultationCompleted(
        participants=PARTICIPANTS,
        taken_at=NOW,
        completed_at=NOW,
        conclusion_due_hours=24,
        call_centre_phones=phones,
    )
    booking = SystemMessage(
        key="BOOK_EXAMINATIONS", facts={"phones": "+7 495 000-00-00, 8 800 000-00-00"}
    )
    assert said(completed) == [
        SystemMessage(key="CONCLUSION_DUE", facts={"hours": "24"}),
        *([booking] if phones else []),
        SystemMessage(key="FINISHED"),
        "close",
    ]


def test_an_expiry_is_told_and_ends_the_chat() -> None:
    expired = ConsultationExpired(participants=PARTICIPANTS)
    assert said(expired) == [SystemMessage(key="EXPIRED"), "close"]


def test_a_cancellation_is_told_and_ends_the_chat() -> None:
    cancelled = ConsultationCancelled(participants=PARTICIPANTS)
    assert said(cancelled) == [SystemMessage(key="CANCELLED"), "close"]
