"""Laws of the two big deciders: a repeat adds nothing, a fold never raises, nobody gets time twice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from booking.domain.appointment.commands import (
    CancelAppointment,
    CompleteAppointment,
    CompleteVisit,
    DeclineReschedule,
    LapseAppointment,
    MarkNoShow,
    MarkVisitMissed,
    RecordLatePayment,
    RecordPayment,
    RequestAppointment,
    RequestReschedule,
    RescheduleAppointment,
    ReserveAppointment,
    StartAppointment,
)
from booking.domain.appointment.decider import APPOINTMENT
from booking.domain.appointment.events import CancelledBy, LatePaymentRefused
from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from booking.domain.doctor_day.commands import (
    BookSlot,
    ExpireHold,
    FreeSlot,
    HoldSlot,
    OpenSlots,
    TakeSlot,
    WithdrawSlots,
)
from booking.domain.doctor_day.decider import DOCTOR_DAY
from booking.domain.doctor_day.events import Slot
from booking.domain.doctor_day.verification import find_double_bookings
from booking.domain.policies import BookingPolicies
from decider import Decider, Rejection, fold
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    InvoiceId,
    PatientId,
    ServiceId,
    TemplateId,
)
from vocabulary.zone import ZoneId

TEN = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
INVOICE = InvoiceId(UUID(int=100))
ONLINE = (AppointmentKind.ONLINE,)

instants = st.integers(0, 12).map(lambda number: TEN - 4 * QUARTER + number * QUARTER)
starts = st.integers(0, 5).map(lambda number: TEN + number * QUARTER)
ids = st.integers(1, 4).map(lambda number: AppointmentId(UUID(int=number)))
moves = st.integers(0, 2)


@st.composite
def all_details(
    draw: st.DrawFn,
    who: AppointmentId | None = None,
    kind: AppointmentKind = AppointmentKind.ONLINE,
) -> AppointmentDetails:
    start = draw(starts)
    return AppointmentDetails(
        appointment_id=who or draw(ids),
        patient_id=PatientId(UUID(int=50)),
        clinician_id=ClinicianId(UUID(int=51)),
        doctor_name="Петрова А. И.",
        specialty="Терапевт",
        branch_id=BranchId(UUID(int=52)),
        zone=ZoneId("Europe/Moscow"),
        kind=kind,
        service_id=ServiceId(UUID(int=53)),
        starts_at=start,
        ends_at=start + draw(st.sampled_from([QUARTER, 2 * QUARTER])),
        payment_mode=draw(st.sampled_from(PaymentMode)),
    )


@st.composite
def offers(draw: st.DrawFn) -> OpenSlots:
    slots = [
        Slot(starts_at=start, ends_at=start + length * QUARTER, kinds=ONLINE)
        for start, length in draw(st.lists(st.tuples(starts, st.integers(1, 2)), max_size=6))
    ]
    template = TemplateId(UUID(int=draw(st.integers(60, 61))))
    return OpenSlots(template_id=template, slots=tuple(slots))


every_slot = OpenSlots(
    template_id=TemplateId(UUID(int=62)),
    slots=tuple(
        Slot(starts_at=TEN + n * QUARTER, ends_at=TEN + (n + length) * QUARTER, kinds=ONLINE)
        for n in range(6)
        for length in (1, 2)
    ),
)
day_commands = st.one_of(
    offers(),
    st.builds(WithdrawSlots, template_id=st.just(TemplateId(UUID(int=60)))),
    st.builds(HoldSlot, details=all_details(), expires_at=instants, now=instants),
    st.builds(TakeSlot, details=all_details(), now=instants, move=moves),
    st.builds(
        BookSlot, appointment_id=ids, starts_at=starts, invoice_id=st.just(INVOICE), now=instants
    ),
    st.builds(ExpireHold, appointment_id=ids, starts_at=starts, now=instants),
    st.builds(FreeSlot, appointment_id=ids, starts_at=starts, up_to_move=st.none() | moves),
)

ME = AppointmentId(UUID(int=1))
mine = all_details(who=ME) | all_details(who=ME, kind=AppointmentKind.CLINIC)
policies = st.sampled_from([BookingPolicies(), BookingPolicies(cancel_policy="UNPAID_ONLY")])
appointment_commands = st.one_of(
    st.builds(RequestAppointment, details=mine, hold_expires_at=st.none() | instants),
    st.builds(ReserveAppointment, details=mine, invoice_id=st.none() | st.just(INVOICE)),
    st.just(RecordPayment(appointment_id=ME, invoice_id=INVOICE)),
    st.builds(
        RecordLatePayment,
        appointment_id=st.just(ME),
        invoice_id=st.just(INVOICE),
        now=instants,
    ),
    st.builds(CompleteVisit, appointment_id=st.just(ME), now=instants),
    st.builds(MarkVisitMissed, appointment_id=st.just(ME), now=instants),
    st.builds(LapseAppointment, appointment_id=st.just(ME), now=instants),
    st.builds(
        CancelAppointment,
        appointment_id=st.just(ME),
        by=st.sampled_from(CancelledBy),
        reason=st.just("OTHER"),
        policies=policies,
        now=instants,
    ),
    st.builds(
        RequestReschedule,
        appointment_id=st.just(ME),
        by=st.sampled_from(CancelledBy),
        starts_at=starts.map(lambda start: start + timedelta(days=1)),
        ends_at=starts.map(lambda start: start + timedelta(days=1, hours=2)),
        request_id=st.integers(1, 3).map(lambda number: UUID(int=number)),
        policies=policies,
        now=instants.map(lambda instant: instant - timedelta(hours=3)),
    ),
    st.builds(RescheduleAppointment, appointment_id=st.just(ME), starts_at=starts),
    st.builds(
        DeclineReschedule,
        appointment_id=st.just(ME),
        starts_at=starts.map(lambda start: start + timedelta(days=1)),
        reason=st.just("SLOT_TAKEN"),
    ),
    st.just(StartAppointment(appointment_id=ME)),
    st.just(CompleteAppointment(appointment_id=ME)),
    st.just(MarkNoShow(appointment_id=ME)),
)


def live(decider: Decider[Any, Any, Any], commands: Sequence[Any]) -> list[Any]:
    """The history that the commands lead to; each accepted one, said twice, adds nothing."""
    state = decider.initial
    history: list[Any] = []
    for command in commands:
        try:
            events = decider.decide(command, state)
        except Rejection:
            continue
        state = fold(decider, events, state)
        assert list(decider.decide(command, state)) == []
        history += events
    return history


@given(st.lists(day_commands, max_size=30))
def test_a_doctors_day_never_gives_time_away_twice(commands: list[Any]) -> None:
    history = live(DOCTOR_DAY, [every_slot, *commands])
    assert find_double_bookings(history) == []


@given(st.lists(day_commands, max_size=30), instants)
def test_what_a_day_calls_free_can_be_had(commands: list[Any], now: datetime) -> None:
    state = fold(DOCTOR_DAY, live(DOCTOR_DAY, [every_slot, *commands]))
    details = AppointmentDetails(
        appointment_id=AppointmentId(UUID(int=99)),
        patient_id=PatientId(UUID(int=50)),
        clinician_id=ClinicianId(UUID(int=51)),
        doctor_name="",
        specialty="",
        branch_id=BranchId(UUID(int=52)),
        zone=ZoneId("Europe/Moscow"),
        kind=AppointmentKind.ONLINE,
        service_id=ServiceId(UUID(int=53)),
        starts_at=TEN,
        ends_at=TEN + QUARTER,
        payment_mode=PaymentMode.FREE,
    )
    for slot in state.free_slots(now):
        wanted = replace(details, starts_at=slot.starts_at, ends_at=slot.ends_at)
        assert DOCTOR_DAY.decide(TakeSlot(details=wanted, now=now), state)


@given(st.lists(appointment_commands, max_size=20))
def test_repeating_a_wish_about_an_appointment_changes_nothing(commands: list[Any]) -> None:
    history = live(APPOINTMENT, commands)
    assert sum(isinstance(event, LatePaymentRefused) for event in history) <= 1
