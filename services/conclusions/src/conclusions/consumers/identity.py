"""What identity tells: the clinic, its clinicians, its patients."""

from collections.abc import Sequence

from conclusions.domain.clinician.commands import RecordClinician
from conclusions.domain.clinician.events import ClinicianRecorded
from conclusions.domain.organisation.commands import RecordOrganisation
from conclusions.domain.organisation.events import OrganisationRecorded
from conclusions.domain.patient.commands import RecordPatient
from conclusions.domain.patient.events import PatientRecorded
from contracts.fact import PublicEvent
from contracts.identity import ClinicianRegistered, OrganisationRegistered, PatientRegistered
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import ClinicianId, OrganisationId, PatientId
from vocabulary.people import full_name

__all__ = ["HANDLERS"]


def on_organisation_registered(event: OrganisationRegistered, cause: Cause) -> Sequence[Dispatch]:
    organisation = OrganisationRecorded(
        organisation_id=OrganisationId(event.organisation_id),
        legal_name=event.legal_name,
        language=next(iter(event.languages), "ru"),
    )
    command = RecordOrganisation(organisation=organisation)
    return [Dispatch(to="organisations", key=cause.tenant, command=command)]


def on_clinician_registered(event: ClinicianRegistered, _cause: Cause) -> Sequence[Dispatch]:
    clinician = ClinicianRecorded(
        clinician_id=ClinicianId(event.clinician_id),
        name=full_name(event.last_name, event.first_name, event.patronymic),
        specialty=event.specialty,
    )
    command = RecordClinician(clinician=clinician)
    return [Dispatch(to="clinicians", key=event.clinician_id, command=command)]


def on_patient_registered(event: PatientRegistered, _cause: Cause) -> Sequence[Dispatch]:
    patient = PatientRecorded(
        patient_id=PatientId(event.patient_id),
        last_name=event.last_name,
        first_name=event.first_name,
        patronymic=event.patronymic,
        birth_date=event.birth_date,
    )
    command = RecordPatient(patient=patient)
    return [Dispatch(to="patients", key=event.patient_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {
    OrganisationRegistered: on_organisation_registered,
    ClinicianRegistered: on_clinician_registered,
    PatientRegistered: on_patient_registered,
}
