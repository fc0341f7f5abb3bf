"""Sample facts for the pure parts around the domain."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from event_store import Metadata
from messaging import Cause, Envelope
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId, ServiceId
from vocabulary.zone import ZoneId

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
START = datetime(2026, 12, 1, 22, 0, tzinfo=UTC)


@pytest.fixture
def details() -> AppointmentDetails:
    """In Moscow it is 01:00 of 2 December when it starts."""
    return AppointmentDetails(
        appointment_id=AppointmentId(UUID(int=1)),
        patient_id=PatientId(UUID(int=2)),
        clinician_id=ClinicianId(UUID(int=3)),
        doctor_name="Петрова Анна Ивановна",
        specialty="Терапевт",
        branch_id=BranchId(UUID(int=4)),
        zone=ZoneId("Europe/Moscow"),
        kind=AppointmentKind.ONLINE,
        service_id=ServiceId(UUID(int=5)),
        starts_at=START,
        ends_at=START + timedelta(minutes=30),
        payment_mode=PaymentMode.PAY_TO_BOOK,
    )


@pytest.fixture
def cause() -> Cause:
    metadata = Metadata(
        tenant="north", actor="account:1", role="patient", time=NOW, correlation=UUID(int=9)
    )
    envelope = Envelope(
        id=UUID(int=8),
        source="booking",
        type="Any.v1",
        key="any-north.1",
        position="1",
        data=b"{}",
        metadata=metadata,
    )
    return Cause(envelope, NOW, "booking")
