"""What a patient chose, completed with what the clinic knows: shown before reserving, and then reserved."""

from dataclasses import dataclass

from pydantic import BaseModel

from booking.api.doctors import require_doctor
from booking.api.times import Instant
from booking.domain.details import AppointmentDetails, AppointmentKind, local_day_of
from booking.domain.doctor_day.errors import SlotNotOffered
from booking.domain.patient_standing.events import AccountStatus
from booking.domain.policies import BookingPolicies
from booking.domain.service_price.scope import expect_in_scope
from booking.read_models import day_slots, patients, price_list
from booking.read_models.branches import BranchRow
from booking.read_models.patients import PatientRow
from booking.read_models.price_list import ServiceRow
from policies import PolicyBook
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Problem
from vocabulary.ids import AppointmentId, ClinicianId, PatientId, ServiceId

__all__ = ["Choice", "Chosen", "complete"]


class Choice(BaseModel):
    """A slot of a doctor, and what for."""

    clinician_id: ClinicianId
    starts_at: Instant
    kind: AppointmentKind
    service_id: ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A choice with everything that an appointment needs but its id."""

    details: AppointmentDetails
    branch: BranchRow
    service: ServiceRow
    patient: PatientRow | None
    rules: BookingPolicies
    policy_version: int

    @property
    def booking_limit(self) -> int | None:
        """How many bookings with this doctor the patient may have (BKG-28); a stranger counts as unconfirmed."""
        confirmed = self.patient is not None and self.patient.status is AccountStatus.CONFIRMED
        return None if confirmed else self.rules.unconfirmed_limit


async def complete(
    choice: Choice,
    *,
    appointment_id: AppointmentId,
    patient_id: PatientId,
    caller: Caller,
    db: Queries,
    policies: PolicyBook[BookingPolicies],
) -> Chosen:
    """Raises DoctorNotFound, SlotNotOffered, ServiceNotForAppointment, or 409 SERVICE_NOT_OFFERED.

    The service settles the price, so it has to be one that is sold here for such an appointment, also where nothing is
    paid. What is read here may be a moment old; the doctor's day decides again.
    """
    doctor, branch = await require_doctor(db, caller.tenant, choice.clinician_id)
    rules, version = await policies.at(caller.tenant, caller.now)
    day = local_day_of(choice.starts_at, branch.zone)
    row = await day_slots.find(db, caller.tenant, choice.clinician_id, day)
    slot = row.slot_at(choice.starts_at) if row else None
    if slot is None or choice.kind not in slot.kinds:
        raise SlotNotOffered
    service = (await price_list.by_ids(db, caller.tenant, [choice.service_id])).get(
        choice.service_id
    )
    if service is None or service.withdrawn or service.branch_id != branch.branch_id:
        raise Problem(409, "SERVICE_NOT_OFFERED")
    expect_in_scope(
        service.scope,
        clinician_id=choice.clinician_id,
        specialty=doctor.specialty,
        kind=choice.kind,
    )
    return Chosen(
        details=AppointmentDetails(
            appointment_id=appointment_id,
            patient_id=patient_id,
            clinician_id=choice.clinician_id,
            doctor_name=doctor.name,
            specialty=doctor.specialty,
            branch_id=branch.branch_id,
            zone=branch.zone,
            kind=choice.kind,
            service_id=choice.service_id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            payment_mode=rules.payment_mode_of(choice.service_id),
        ),
        branch=branch,
        service=service,
        patient=await patients.find(db, caller.tenant, patient_id),
        rules=rules,
        policy_version=version,
    )
