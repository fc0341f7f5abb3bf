"""A cancellation is told once, with what billing has decided about the money, or without when that takes too long."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from decider.testing import Specification
from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.reminder_plan.commands import (
    NoteCancellation,
    RecordMoneyOutcome,
    RecordPayment,
    SettleCancellation,
)
from notifications.domain.reminder_plan.decider import MONEY_WAIT, REMINDER_PLAN
from notifications.domain.reminder_plan.events import (
    AppointmentNoted,
    CancellationNoted,
    CancellationSettled,
    MoneyOutcome,
    MoneyOutcomeRecorded,
    PaymentRecorded,
    ReminderPlanEvent,
    RemindersPlanned,
    RemindersWithdrawn,
)
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId
from vocabulary.zone import ZoneId

START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
NOW = START - timedelta(days=1)
MOMENT = timedelta(microseconds=1)
ME = AppointmentId(UUID(int=1))
details = AppointmentDetails(
    appointment_id=ME,
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
requested = AppointmentNoted(details=details)
planned = RemindersPlanned(details=details, sequence=1, due_at=())
withdrawn = RemindersWithdrawn(appointment_id=ME)
paid = PaymentRecorded(appointment_id=ME)
cancel = NoteCancellation(by="PATIENT", was_reserved=True, now=NOW)
noted = CancellationNoted(
    appointment_id=ME, by="PATIENT", was_reserved=True, tell_by=NOW + MONEY_WAIT
)
plan = Specification(REMINDER_PLAN)


def decide(outcome: MoneyOutcome) -> RecordMoneyOutcome:
    return RecordMoneyOutcome(appointment_id=ME, outcome=outcome)


def decided(outcome: MoneyOutcome) -> MoneyOutcomeRecorded:
    return MoneyOutcomeRecorded(appointment_id=ME, outcome=outcome)


def settled(outcome: MoneyOutcome) -> CancellationSettled:
    return CancellationSettled(
        details=details, by="PATIENT", was_reserved=True, outcome=outcome, sequence=2
    )


OUTCOMES = [MoneyOutcome.RETURNED, MoneyOutcome.KEPT]


@pytest.mark.requirement("NTF-13")
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_cancellation_is_told_when_billing_has_decided(outcome: MoneyOutcome) -> None:
    plan.given(planned, paid).when(cancel).then(withdrawn, noted)
    waiting = plan.given(planned, paid, withdrawn, noted)
    waiting.when(decide(outcome)).then(decided(outcome), settled(outcome))
    plan.given(planned, paid, withdrawn, noted, decided(outcome), settled(outcome)).when(
        decide(outcome)
    ).then_nothing()


@pytest.mark.requirement("NTF-13")
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_billing_may_be_heard_first(outcome: MoneyOutcome) -> None:
    plan.given(planned, paid).when(decide(outcome)).then(decided(outcome))
    plan.given(planned, paid, decided(outcome)).when(cancel).then(
        withdrawn, noted, settled(outcome)
    )


@pytest.mark.requirement("NTF-13", "NTF-27")
def test_a_cancellation_is_noted_once() -> None:
    plan.given(planned, withdrawn, noted).when(cancel).then_nothing()
    plan.given().when(cancel).then_nothing()


@pytest.mark.requirement("NTF-13")
def test_an_invoice_that_was_void_before_its_payment_came_says_nothing() -> None:
    """The hold lapsed, the money came late and bought the slot; then the patient cancelled."""
    nothing = MoneyOutcome.NOTHING_PAID
    plan.given(requested).when(decide(nothing)).then(decided(nothing))
    plan.given(requested, decided(nothing), paid, planned).when(cancel).then(withdrawn, noted)
    plan.given(requested, paid).when(decide(nothing)).then_nothing()
    plan.given(requested, decided(nothing)).when(RecordPayment(appointment_id=ME)).then(paid)


@pytest.mark.requirement("NTF-13")
def test_what_is_free_waits_for_nobody() -> None:
    free = replace(details, payable=False)
    plan.given(replace(planned, details=free)).when(cancel).then(
        withdrawn, noted, replace(settled(MoneyOutcome.NOTHING_PAID), details=free)
    )


@pytest.mark.requirement("NTF-13")
def test_the_end_of_a_mere_hold_withdraws_nothing() -> None:
    hold = replace(cancel, was_reserved=False)
    plan.given(requested).when(hold).then(replace(noted, was_reserved=False))


@pytest.mark.requirement("NTF-13", "OPS-14")
def test_without_billings_word_it_is_told_exactly_when_the_wait_is_over() -> None:
    waiting = plan.given(planned, withdrawn, noted)
    waiting.when(SettleCancellation(now=noted.tell_by - MOMENT)).then_nothing()
    undecided = settled(MoneyOutcome.UNDECIDED)
    for late in (timedelta(0), MOMENT):
        waiting.when(SettleCancellation(now=noted.tell_by + late)).then(undecided)
    histories: list[Sequence[ReminderPlanEvent]] = [
        (planned,),
        (planned, withdrawn, noted, undecided),
        (planned, decided(MoneyOutcome.KEPT), withdrawn, noted, settled(MoneyOutcome.KEPT)),
    ]
    for history in histories:
        plan.given(*history).when(SettleCancellation(now=noted.tell_by)).then_nothing()


@pytest.mark.requirement("NTF-13")
def test_what_billing_decides_after_it_was_told_is_only_recorded() -> None:
    undecided = settled(MoneyOutcome.UNDECIDED)
    plan.given(planned, withdrawn, noted, undecided).when(decide(MoneyOutcome.KEPT)).then(
        decided(MoneyOutcome.KEPT)
    )
