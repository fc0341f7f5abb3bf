"""What identity tells: branches, doctors, patients."""

from collections.abc import Sequence

from booking.domain.branch.commands import RecordBranch
from booking.domain.branch.events import BranchRecorded
from booking.domain.doctor_listing.commands import ListDoctor
from booking.domain.doctor_listing.events import DoctorListed
from booking.domain.patient_standing.commands import RecordPatientStanding
from booking.domain.patient_standing.events import AccountStatus, PatientStandingRecorded
from contracts.fact import PublicEvent
from contracts.identity import BranchAdded, ClinicianRegistered, PatientRegistered
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import BranchId, ClinicianId, PatientId
from vocabulary.people import full_name
from vocabulary.zone import zone_id

__all__ = ["HANDLERS"]


def on_branch_added(event: BranchAdded, _cause: Cause) -> Sequence[Dispatch]:
    branch = BranchRecorded(
        branch_id=BranchId(event.branch_id),
        name=event.name,
        address=event.address,
        phone=event.phone,
        zone=zone_id(event.zone),
    )
    return [Dispatch(to="branches", key=event.branch_id, command=RecordBranch(branch=branch))]


def on_clinician_registered(event: ClinicianRegistered, _cause: Cause) -> Sequence[Dispatch]:
    listing = DoctorListed(
        clinician_id=ClinicianId(event.clinician_id),
        name=full_name(event.last_name, event.first_name, event.patronymic),
        specialty=event.specialty,
        branch_id=BranchId(event.branch_id),
        category=event.category,
    )
    command = ListDoctor(listing=listing)
    return [Dispatch(to="doctor_listings", key=event.clinician_id, command=command)]


def on_patient_registered(event: PatientRegistered, _cause: Cause) -> Sequence[Dispatch]:
    standing = PatientStandingRecorded(
        patient_id=PatientId(event.patient_id),
        status=AccountStatus(event.account_status),
        last_name=event.last_name,
        first_name=event.first_name,
        patronymic=event.patronymic,
    )
    command = RecordPatientStanding(standing=standing)
    return [Dispatch(to="patient_standings", key=event.patient_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {
    BranchAdded: on_branch_added,
    ClinicianRegistered: on_clinician_registered,
    PatientRegistered: on_patient_registered,
}
