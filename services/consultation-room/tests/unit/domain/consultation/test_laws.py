"""Laws of a consultation: whatever is wished in whatever order."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

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
from consultation_room.domain.consultation.decider import CONSULTATION
from consultation_room.domain.consultation.events import (
    ConsultationCompleted,
    ConsultationEvent,
    ConsultationTakenInWork,
)
from consultation_room.domain.details import (
    AuthorRole,
    Channel,
    ConsultationDetails,
    ConsultationType,
    Participants,
    PaymentStatus,
)
from consultation_room.domain.policies import RoomPolicies
from decider import Rejection, fold
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

ROOM = ConsultationId(UUID(int=1))
START = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
doctors = st.sampled_from([ClinicianId(UUID(int=2)), ClinicianId(UUID(int=3))])
instants = st.integers(-90, 90).map(lambda minutes: START + timedelta(minutes=minutes))
invoices = st.just(InvoiceId(UUID(int=4)))


@st.composite
def openings(draw: st.DrawFn) -> OpenConsultation:
    start = draw(instants)
    return OpenConsultation(
        details=ConsultationDetails(
            participants=Participants(
                consultation_id=ROOM,
                appointment_id=AppointmentId(UUID(int=5)),
                patient_id=PatientId(UUID(int=6)),
                clinician_id=draw(doctors),
            ),
            doctor_name="",
            specialty="",
            branch_id=BranchId(UUID(int=7)),
            zone=ZoneId("Europe/Moscow"),
            service_id=ServiceId(UUID(int=8)),
            consultation_type=draw(st.sampled_from(ConsultationType)),
            preferred_channel=draw(st.none() | st.sampled_from(Channel)),
            planned_start=start,
            planned_end=start + timedelta(minutes=30),
        ),
        payment_status=draw(st.sampled_from(PaymentStatus)),
        no_show_minutes=draw(st.none() | st.integers(0, 60)),
    )


policies = st.builds(RoomPolicies, take_lead_minutes=st.integers(0, 60))
room = st.just(ROOM)
commands: st.SearchStrategy[ConsultationCommand] = st.one_of(
    openings(),
    st.builds(
        RescheduleConsultation, consultation_id=room, planned_start=instants, planned_end=instants
    ),
    st.builds(RecordPayment, consultation_id=room, invoice_id=invoices),
    st.builds(RecordRefund, consultation_id=room, invoice_id=invoices),
    st.builds(
        RecordConclusion,
        consultation_id=room,
        conclusion_id=st.sampled_from([ConclusionId(UUID(int=n)) for n in (1, 2)]),
        published_at=instants,
    ),
    st.builds(AdmitPatient, consultation_id=room, now=instants),
    st.builds(
        LeaveRoom,
        consultation_id=room,
        side=st.sampled_from([AuthorRole.CLIENT, AuthorRole.DOCTOR]),
        now=instants,
    ),
    st.builds(
        TakeInWork,
        consultation_id=room,
        clinician_id=doctors,
        policies=policies,
        policy_version=st.integers(0, 3),
        now=instants,
    ),
    st.builds(ResumeConsultation, consultation_id=room, clinician_id=doctors, now=instants),
    st.builds(
        CompleteConsultation,
        consultation_id=room,
        clinician_id=doctors,
        policies=policies,
        now=instants,
    ),
    st.builds(CancelConsultation, consultation_id=room),
    st.builds(ExpireConsultation, consultation_id=room, now=instants),
)


@given(st.lists(commands, max_size=25))
def test_a_repeat_adds_nothing_and_every_history_folds(wishes: list[ConsultationCommand]) -> None:
    history: list[ConsultationEvent] = []
    for wish in wishes:
        try:
            history += CONSULTATION.decide(wish, fold(CONSULTATION, history))
        except Rejection:
            continue
        assert not CONSULTATION.decide(wish, fold(CONSULTATION, history))
    assert sum(isinstance(event, ConsultationTakenInWork) for event in history) <= 1
    assert sum(isinstance(event, ConsultationCompleted) for event in history) <= 1
