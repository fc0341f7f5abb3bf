"""Who enters a consultation when, who takes it when, and how it ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from consultation_room.domain.consultation.commands import (
    AdmitPatient,
    CancelConsultation,
    CompleteConsultation,
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
from consultation_room.domain.consultation.decider import CONSULTATION
from consultation_room.domain.consultation.errors import (
    NotAssignedDoctor,
    NotInWork,
    PaymentRequired,
    TooEarly,
)
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
    ConsultationStatus,
    expect_known,
    expect_speech,
)
from consultation_room.domain.details import (
    AuthorRole,
    ConsultationClosed,
    ConsultationDetails,
    ConsultationNotFound,
    ConsultationType,
    Participants,
    PaymentStatus,
)
from consultation_room.domain.policies import RoomPolicies
from decider import fold
from decider.testing import Specification
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    ConclusionId,
    ConsultationId,
    InvoiceId,
    PatientId,
    ServiceId,
)
from vocabulary.zone import ZoneId

consultation = Specification(CONSULTATION)

ROOM = ConsultationId(UUID(int=1))
DOCTOR, OTHER_DOCTOR = ClinicianId(UUID(int=2)), ClinicianId(UUID(int=3))
INVOICE = InvoiceId(UUID(int=4))
START = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
END = START + timedelta(minutes=30)
MOMENT = timedelta(microseconds=1)
LEAD = timedelta(minutes=15)
POLICIES = RoomPolicies(call_centre_phones=("+7 495 000-00-00",))
PARTICIPANTS = Participants(
    consultation_id=ROOM,
    appointment_id=AppointmentId(UUID(int=5)),
    patient_id=PatientId(UUID(int=6)),
    clinician_id=DOCTOR,
)
DETAILS = ConsultationDetails(
    participants=PARTICIPANTS,
    doctor_name="Иванова Анна",
    specialty="Кардиолог",
    branch_id=BranchId(UUID(int=7)),
    zone=ZoneId("Europe/Moscow"),
    service_id=ServiceId(UUID(int=8)),
    consultation_type=ConsultationType.PRIMARY,
    preferred_channel=None,
    planned_start=START,
    planned_end=END,
)

opened = ConsultationOpened(details=DETAILS, payment_status=PaymentStatus.PAID, expires_at=None)
unpaid = replace(opened, payment_status=PaymentStatus.UNPAID)
paid = ConsultationPaymentRecorded(consultation_id=ROOM, invoice_id=INVOICE)
refunded = ConsultationRefundRecorded(consultation_id=ROOM, invoice_id=INVOICE)
joined = PatientJoined(consultation_id=ROOM, joined_at=START)
left = PatientLeft(consultation_id=ROOM, left_at=START)
taken = ConsultationTakenInWork(
    participants=PARTICIPANTS,
    doctor_name="Иванова Анна",
    specialty="Кардиолог",
    taken_at=START,
    policy_version=3,
)
suspended = ConsultationSuspended(consultation_id=ROOM, suspended_at=START)
resumed = ConsultationResumed(consultation_id=ROOM, resumed_at=START)
completed = ConsultationCompleted(
    participants=PARTICIPANTS,
    taken_at=START,
    completed_at=END,
    conclusion_due_hours=24,
    call_centre_phones=("+7 495 000-00-00",),
)
cancelled = ConsultationCancelled(participants=PARTICIPANTS)

pay = RecordPayment(consultation_id=ROOM, invoice_id=INVOICE)
refund = RecordRefund(consultation_id=ROOM, invoice_id=INVOICE)
connect = AdmitPatient(consultation_id=ROOM, now=START)
take = TakeInWork(
    consultation_id=ROOM, clinician_id=DOCTOR, policies=POLICIES, policy_version=3, now=START
)
come_back = ResumeConsultation(consultation_id=ROOM, clinician_id=DOCTOR, now=START)
complete = CompleteConsultation(
    consultation_id=ROOM, clinician_id=DOCTOR, policies=POLICIES, now=END
)
cancel = CancelConsultation(consultation_id=ROOM)
patient_leaves = LeaveRoom(consultation_id=ROOM, side=AuthorRole.CLIENT, now=START)
doctor_leaves = LeaveRoom(consultation_id=ROOM, side=AuthorRole.DOCTOR, now=START)


def status(*events: ConsultationEvent) -> ConsultationStatus:
    return expect_known(fold(CONSULTATION, events)).status


class TestOpening:
    def test_a_reserved_appointment_opens_its_room(self) -> None:
        consultation.given().when(
            OpenConsultation(details=DETAILS, payment_status=PaymentStatus.PAID)
        ).then(opened)

    @pytest.mark.parametrize("after", [(opened,), (opened, cancelled), (opened, taken, completed)])
    def test_one_room_is_opened_once(self, after: tuple[ConsultationEvent, ...]) -> None:
        wish = OpenConsultation(details=DETAILS, payment_status=PaymentStatus.PAID)
        consultation.given(*after).when(wish).then_nothing()

    def test_a_payment_that_came_before_the_room_is_remembered(self) -> None:
        consultation.given().when(pay).then(paid)
        wish = OpenConsultation(details=DETAILS, payment_status=PaymentStatus.UNPAID)
        consultation.given(paid).when(wish).then(opened)
        consultation.given(paid, refunded).when(wish).then(
            replace(opened, payment_status=PaymentStatus.REFUNDED)
        )

    def test_what_booking_knows_is_not_overruled(self) -> None:
        wish = OpenConsultation(details=DETAILS, payment_status=PaymentStatus.NOT_REQUIRED)
        consultation.given(paid).when(wish).then(
            replace(opened, payment_status=PaymentStatus.NOT_REQUIRED)
        )


@pytest.mark.requirement("ROOM-61")
class TestConcluding:
    conclude = RecordConclusion(
        consultation_id=ROOM, conclusion_id=ConclusionId(UUID(int=61)), published_at=END
    )
    concluded = ConsultationConclusionRecorded(
        consultation_id=ROOM, conclusion_id=ConclusionId(UUID(int=61)), published_at=END
    )

    def test_what_is_over_shows_its_conclusion(self) -> None:
        over = (opened, taken, completed)
        consultation.given(*over).when(self.conclude).then(self.concluded)
        consultation.given(*over, self.concluded).when(self.conclude).then_nothing()

    @pytest.mark.parametrize("before", [(), (opened,), (opened, taken)])
    def test_what_is_not_over_has_none(self, before: tuple[ConsultationEvent, ...]) -> None:
        consultation.given(*before).when(self.conclude).then_nothing()


class TestMoving:
    later = START + timedelta(days=1)
    move = RescheduleConsultation(
        consultation_id=ROOM, planned_start=later, planned_end=later + timedelta(minutes=30)
    )
    moved = ConsultationRescheduled(
        consultation_id=ROOM,
        planned_start=later,
        planned_end=later + timedelta(minutes=30),
        zone="Europe/Moscow",
        expires_at=None,
    )

    def test_the_room_moves_with_the_appointment(self) -> None:
        consultation.given(opened).when(self.move).then(self.moved)
        consultation.given(opened, self.moved).when(
            replace(take, now=self.later - LEAD - MOMENT)
        ).then_rejected(TooEarly, allowed_at=self.later - LEAD)

    def test_there_must_be_one_that_is_not_over(self) -> None:
        consultation.given().when(self.move).then_rejected(ConsultationNotFound)
        consultation.given(opened, cancelled).when(self.move).then_rejected(ConsultationClosed)


class TestTheGate:
    @pytest.mark.requirement("ROOM-16", "BIL-45")
    @pytest.mark.parametrize("wish", [connect, take, come_back])
    def test_nobody_enters_an_unpaid_room(
        self, wish: AdmitPatient | TakeInWork | ResumeConsultation
    ) -> None:
        appointment_id = PARTICIPANTS.appointment_id
        consultation.given(unpaid).when(wish).then_rejected(
            PaymentRequired, appointment_id=appointment_id
        )
        consultation.given(opened, refunded).when(wish).then_rejected(PaymentRequired)

    @pytest.mark.requirement("ROOM-16", "BIL-45")
    def test_a_payment_opens_the_gate(self) -> None:
        consultation.given(unpaid).when(pay).then(paid)
        consultation.given(unpaid, paid).when(connect).then(joined)
        free = replace(opened, payment_status=PaymentStatus.NOT_REQUIRED)
        consultation.given(free).when(connect).then(joined)

    def test_a_refund_closes_it_again(self) -> None:
        consultation.given(opened).when(refund).then(refunded)
        consultation.given(unpaid).when(refund).then_nothing()
        consultation.given().when(refund).then_nothing()

    def test_money_does_not_matter_any_more_after_the_end(self) -> None:
        for command in (pay, refund):
            consultation.given(opened, cancelled).when(command).then_nothing()
        fold(CONSULTATION, (unpaid, cancelled, paid))

    def test_money_that_went_back_is_not_counted_again(self) -> None:
        consultation.given(opened, refunded).when(pay).then_nothing()


class TestThePatient:
    @pytest.mark.requirement("ROOM-02")
    def test_a_patient_who_connects_first_waits(self) -> None:
        consultation.given(opened).when(connect).then(joined)
        assert status(opened) is ConsultationStatus.PLANNED
        assert status(opened, joined) is ConsultationStatus.PATIENT_WAITING
        consultation.given(opened, joined).when(patient_leaves).then(left)
        assert status(opened, joined, left) is ConsultationStatus.PLANNED

    @pytest.mark.requirement("ROOM-14")
    @pytest.mark.parametrize("instant", [START - timedelta(days=60), START, END + timedelta(1)])
    def test_connecting_is_possible_from_the_booking_until_the_end(self, instant: datetime) -> None:
        consultation.given(opened).when(replace(connect, now=instant)).then(
            replace(joined, joined_at=instant)
        )

    @pytest.mark.requirement("ROOM-14")
    def test_it_is_not_possible_after_the_end(self) -> None:
        for end in ((opened, taken, completed), (opened, cancelled)):
            consultation.given(*end).when(connect).then_rejected(ConsultationClosed)
        consultation.given().when(connect).then_rejected(ConsultationNotFound)

    @pytest.mark.requirement("ROOM-19")
    def test_coming_and_going_during_the_consultation_changes_nothing(self) -> None:
        for command in (connect, patient_leaves):
            consultation.given(opened, taken).when(command).then_nothing()
            consultation.given(opened, taken, suspended).when(command).then_nothing()
        consultation.given(opened).when(patient_leaves).then_nothing()


class TestTaking:
    @pytest.mark.requirement("ROOM-07", "OPS-14")
    @pytest.mark.parametrize(
        ("lead", "boundary"), [(15, START - LEAD), (0, START), (60, START - timedelta(hours=1))]
    )
    def test_it_is_possible_from_the_lead_on(self, lead: int, boundary: datetime) -> None:
        early = replace(take, policies=RoomPolicies(take_lead_minutes=lead), now=boundary - MOMENT)
        consultation.given(opened).when(early).then_rejected(TooEarly, allowed_at=boundary)
        for instant in (boundary, boundary + MOMENT, END + timedelta(days=3)):
            consultation.given(opened).when(replace(early, now=instant)).then(
                replace(taken, taken_at=instant)
            )

    @pytest.mark.requirement("ROOM-08")
    def test_only_the_assigned_doctor_takes_it(self) -> None:
        other = replace(take, clinician_id=OTHER_DOCTOR)
        for history in ((opened,), (opened, taken), (opened, cancelled)):
            consultation.given(*history).when(other).then_rejected(NotAssignedDoctor)
        consultation.given().when(take).then_rejected(ConsultationNotFound)

    @pytest.mark.requirement("ROOM-08")
    def test_it_lets_the_doctor_speak(self) -> None:
        history: tuple[ConsultationEvent, ...]
        for history in ((opened,), (opened, joined)):
            state = fold(CONSULTATION, history)
            assert expect_speech(state, AuthorRole.CLIENT) == state
            with pytest.raises(NotInWork):
                expect_speech(state, AuthorRole.DOCTOR)
        for history in ((opened, taken), (opened, taken, suspended)):
            state = fold(CONSULTATION, history)
            assert expect_speech(state, AuthorRole.DOCTOR) == state

    def test_it_is_taken_once(self) -> None:
        consultation.given(opened, joined).when(take).then(taken)
        for history in ((opened, taken), (opened, taken, suspended)):
            consultation.given(*history).when(take).then_nothing()
        consultation.given(opened, cancelled).when(take).then_rejected(ConsultationClosed)


class TestTheDoctorsAbsence:
    @pytest.mark.requirement("ROOM-02", "ROOM-19")
    def test_a_doctor_who_leaves_can_continue(self) -> None:
        assert status(opened, taken) is ConsultationStatus.IN_WORK
        consultation.given(opened, taken).when(doctor_leaves).then(suspended)
        assert status(opened, taken, suspended) is ConsultationStatus.SUSPENDED
        consultation.given(opened, taken, suspended).when(come_back).then(resumed)
        assert status(opened, taken, suspended, resumed) is ConsultationStatus.IN_WORK

    def test_a_doctor_who_looks_in_before_taking_changes_nothing(self) -> None:
        consultation.given(opened).when(come_back).then_nothing()
        consultation.given(opened, taken).when(come_back).then_nothing()
        consultation.given(opened, joined).when(doctor_leaves).then_nothing()
        consultation.given(opened).when(
            replace(come_back, clinician_id=OTHER_DOCTOR)
        ).then_rejected(NotAssignedDoctor)


class TestExpiry:
    """Off unless the clinic wants it (ROOM-05)."""

    late = END + timedelta(minutes=60)
    expiring = replace(opened, expires_at=late)
    expire = ExpireConsultation(consultation_id=ROOM, now=late)
    expired = ConsultationExpired(participants=PARTICIPANTS)

    @pytest.mark.requirement("ROOM-02", "OPS-14")
    def test_what_nobody_took_expires_at_its_time_and_not_before(self) -> None:
        consultation.given().when(
            OpenConsultation(details=DETAILS, payment_status=PaymentStatus.PAID, no_show_minutes=60)
        ).then(self.expiring)
        early = replace(self.expire, now=self.late - MOMENT)
        consultation.given(self.expiring).when(early).then_nothing()
        for now in (self.late, self.late + MOMENT):
            consultation.given(self.expiring).when(replace(self.expire, now=now)).then(self.expired)
        assert status(self.expiring, self.expired) is ConsultationStatus.EXPIRED
        consultation.given(self.expiring, self.expired).when(connect).then_rejected(
            ConsultationClosed
        )

    @pytest.mark.requirement("BIL-43")
    @pytest.mark.parametrize(
        ("came", "went", "waited"),
        [
            (START - LEAD, None, True),
            (START - LEAD, START - MOMENT, False),
            (START - LEAD, START, True),
            (START - LEAD, START + MOMENT, True),
            (END - MOMENT, None, True),
            (END, None, False),
            (END + MOMENT, None, False),
            (END, END + LEAD, False),
        ],
    )
    def test_who_was_there_in_the_planned_time_has_waited(
        self, came: datetime, went: datetime | None, waited: bool
    ) -> None:
        history: list[ConsultationEvent] = [self.expiring, replace(joined, joined_at=came)]
        if went is not None:
            history.append(replace(left, left_at=went))
        consultation.given(*history).when(self.expire).then(
            replace(self.expired, patient_waited=waited)
        )

    @pytest.mark.requirement("BIL-43")
    def test_who_waited_once_has_waited_unless_the_time_was_another(self) -> None:
        back = replace(joined, joined_at=END + LEAD)
        consultation.given(self.expiring, joined, left, back).when(self.expire).then(
            replace(self.expired, patient_waited=True)
        )
        moved = replace(TestMoving.moved, expires_at=self.late)
        consultation.given(self.expiring, joined, left, moved).when(self.expire).then(self.expired)

    @pytest.mark.requirement("ROOM-05")
    def test_without_the_policy_it_stays_upcoming_until_it_is_taken_or_cancelled(self) -> None:
        far = replace(self.expire, now=END + timedelta(days=365))
        consultation.given(opened).when(far).then_nothing()
        assert status(opened) is ConsultationStatus.PLANNED
        consultation.given(opened).when(replace(take, now=far.now)).then(
            replace(taken, taken_at=far.now)
        )

    def test_what_was_taken_or_has_ended_does_not_expire(self) -> None:
        for history in ((), (self.expiring, taken), (self.expiring, cancelled)):
            consultation.given(*history).when(self.expire).then_nothing()

    def test_it_moves_with_the_appointment(self) -> None:
        moved = replace(TestMoving.moved, expires_at=self.late + timedelta(days=1))
        consultation.given(self.expiring).when(TestMoving.move).then(moved)
        consultation.given(self.expiring, moved).when(self.expire).then_nothing()
        consultation.given(self.expiring, taken).when(TestMoving.move).then(TestMoving.moved)


class TestTheEnd:
    @pytest.mark.requirement("ROOM-57")
    @pytest.mark.parametrize("history", [(opened, taken), (opened, taken, suspended)])
    def test_the_doctor_completes_it(self, history: tuple[ConsultationEvent, ...]) -> None:
        consultation.given(*history).when(complete).then(completed)
        assert status(*history, completed) is ConsultationStatus.COMPLETED

    def test_only_what_was_taken_can_be_completed_and_only_by_its_doctor(self) -> None:
        consultation.given(opened).when(complete).then_rejected(NotInWork)
        consultation.given(opened, cancelled).when(complete).then_rejected(ConsultationClosed)
        consultation.given(opened, taken).when(
            replace(complete, clinician_id=OTHER_DOCTOR)
        ).then_rejected(NotAssignedDoctor)

    def test_a_cancelled_appointment_cancels_it(self) -> None:
        history: tuple[ConsultationEvent, ...]
        for history in ((opened,), (opened, joined), (opened, taken)):
            consultation.given(*history).when(cancel).then(cancelled)
            assert status(*history, cancelled) is ConsultationStatus.CANCELLED
        for history in ((), (paid,), (opened, taken, completed)):
            consultation.given(*history).when(cancel).then_nothing()
