"""Reminders come at their times before an appointment, each once, and never for one that was moved or cancelled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decider import fold
from decider.testing import Specification
from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.reminder_plan.commands import (
    NoteAppointment,
    PlanReminders,
    RecordPayment,
    RecordReminderDue,
    ReminderPlanCommand,
    WithdrawReminders,
)
from notifications.domain.reminder_plan.decider import REMINDER_PLAN
from notifications.domain.reminder_plan.events import (
    AppointmentNoted,
    PaymentRecorded,
    ReminderDue,
    ReminderPlanEvent,
    RemindersPlanned,
    RemindersWithdrawn,
)
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId
from vocabulary.zone import ZoneId

START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
MOMENT, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
details = AppointmentDetails(
    appointment_id=AppointmentId(UUID(int=1)),
    patient_id=PatientId(UUID(int=2)),
    clinician_id=ClinicianId(UUID(int=3)),
    doctor_name="Петрова Алёна Ивановна",
    specialty="Терапевт",
    branch_id=BranchId(UUID(int=4)),
    zone=ZoneId("Europe/Moscow"),
    kind="ONLINE",
    starts_at=START,
    ends_at=START + timedelta(minutes=30),
)
moved = replace(details, starts_at=START + DAY, ends_at=START + DAY + timedelta(minutes=30))
plan = PlanReminders(
    details=details, sequence=0, minutes_before=(60, 24 * 60), now=START - timedelta(days=3)
)
planned = RemindersPlanned(details=details, sequence=0, due_at=(START - DAY, START - HOUR))
replanned = RemindersPlanned(details=moved, sequence=1, due_at=(START, START + DAY - HOUR))
withdraw = WithdrawReminders(appointment_id=details.appointment_id)
withdrawn = RemindersWithdrawn(appointment_id=details.appointment_id)
day_before = ReminderDue(details=details, sequence=0, due_at=START - DAY)
hour_before = ReminderDue(details=details, sequence=0, due_at=START - HOUR)
reminders = Specification(REMINDER_PLAN)


def fire(due_at: datetime, now: datetime) -> RecordReminderDue:
    return RecordReminderDue(due_at=due_at, now=now)


@pytest.mark.requirement("NTF-11")
def test_reminders_are_planned_before_the_start() -> None:
    reminders.given().when(plan).then(planned)
    reminders.given(AppointmentNoted(details=details)).when(plan).then(planned)
    reminders.given(planned).when(plan).then_nothing()


@pytest.mark.requirement("NTF-11")
@pytest.mark.parametrize(
    ("now", "due_at"),
    [
        (START - DAY - MOMENT, (START - DAY, START - HOUR)),
        (START - DAY, (START - HOUR,)),
        (START - DAY + MOMENT, (START - HOUR,)),
        (START - HOUR - MOMENT, (START - HOUR,)),
        (START - HOUR, ()),
        (START - HOUR + MOMENT, ()),
    ],
)
def test_a_time_that_has_come_already_is_left_out(
    now: datetime, due_at: tuple[datetime, ...]
) -> None:
    reminders.given().when(replace(plan, now=now)).then(replace(planned, due_at=due_at))


@pytest.mark.requirement("NTF-11")
def test_the_times_before_are_the_clinics() -> None:
    own = replace(plan, minutes_before=(30, 30))
    reminders.given().when(own).then(replace(planned, due_at=(START - timedelta(minutes=30),)))
    reminders.given().when(replace(plan, minutes_before=())).then(replace(planned, due_at=()))


@pytest.mark.requirement("NTF-11")
def test_a_reminder_is_due_when_its_time_has_come() -> None:
    reminders.given(planned).when(fire(START - DAY, START - DAY - MOMENT)).then_nothing()
    reminders.given(planned).when(fire(START - DAY, START - DAY)).then(day_before)
    reminders.given(planned).when(fire(START - DAY, START - DAY + MOMENT)).then(day_before)
    reminders.given(planned, day_before).when(fire(START - DAY, START - DAY)).then_nothing()
    reminders.given(planned, day_before).when(fire(START - HOUR, START - HOUR)).then(hour_before)


def test_a_late_timer_leaves_the_word_to_the_next_reminder() -> None:
    before = START - HOUR - MOMENT
    reminders.given(planned).when(fire(START - DAY, before)).then(day_before)
    for late in (START - HOUR, START - HOUR + MOMENT):
        reminders.given(planned).when(fire(START - DAY, late)).then_nothing()
        reminders.given(planned).when(fire(START - HOUR, late)).then(hour_before)
    # What was overtaken does not come after it.
    reminders.given(planned, hour_before).when(fire(START - DAY, START - HOUR)).then_nothing()


def test_nobody_is_reminded_of_what_has_begun() -> None:
    reminders.given(planned).when(fire(START - HOUR, START - MOMENT)).then(hour_before)
    for late in (START, START + MOMENT):
        reminders.given(planned).when(fire(START - HOUR, late)).then_nothing()


@pytest.mark.requirement("NTF-11")
def test_a_moved_appointment_has_a_plan_of_its_own() -> None:
    move = replace(plan, details=moved, sequence=1)
    reminders.given(planned).when(move).then(replanned)
    reminders.given(planned, replanned).when(fire(START - DAY, START - DAY)).then_nothing()
    # The old news again, after the move.
    reminders.given(planned, replanned).when(plan).then_nothing()


@pytest.mark.requirement("NTF-11")
def test_a_cancelled_appointment_is_not_reminded_of() -> None:
    reminders.given(planned).when(withdraw).then(withdrawn)
    reminders.given(planned, withdrawn).when(fire(START - DAY, START - DAY)).then_nothing()
    reminders.given().when(withdraw).then_nothing()
    reminders.given().when(fire(START - DAY, START - DAY)).then_nothing()
    # A late payment has re-taken the slot.
    reminders.given(planned, withdrawn).when(plan).then(planned)


def test_facts_and_payment_are_noted_once() -> None:
    noted = AppointmentNoted(details=details)
    reminders.given().when(NoteAppointment(details=details)).then(noted)
    reminders.given(planned).when(NoteAppointment(details=details)).then_nothing()
    paid = PaymentRecorded(appointment_id=details.appointment_id)
    reminders.given(noted).when(RecordPayment(appointment_id=details.appointment_id)).then(paid)


COMMANDS = st.one_of(
    st.sampled_from(
        [
            NoteAppointment(details=details),
            plan,
            replace(plan, details=moved, sequence=1),
            withdraw,
            RecordPayment(appointment_id=details.appointment_id),
        ]
    ),
    st.builds(
        fire,
        st.sampled_from([START - DAY, START - HOUR, START]),
        st.sampled_from([START - DAY, START - HOUR, START - MOMENT, START]),
    ),
)


@given(st.lists(COMMANDS, max_size=15))
def test_whatever_happens_no_reminder_comes_twice_for_a_time(
    commands: list[ReminderPlanCommand],
) -> None:
    history: list[ReminderPlanEvent] = []
    since_planned: list[datetime] = []
    for command in commands:
        decided = REMINDER_PLAN.decide(command, fold(REMINDER_PLAN, history))
        history += decided
        assert list(REMINDER_PLAN.decide(command, fold(REMINDER_PLAN, history))) == []
        for event in decided:
            if isinstance(event, RemindersPlanned):
                since_planned = []
            if isinstance(event, ReminderDue):
                assert event.due_at not in since_planned
                since_planned.append(event.due_at)
