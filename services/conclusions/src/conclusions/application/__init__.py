"""The service as its entry points see it: one handler per kind of stream, and what is done with files."""

from dataclasses import dataclass

from conclusions.application.documents import ConclusionHandler, Copies, Documents
from conclusions.application.signing import CertificateHandler, SigningDesk
from conclusions.domain.appointment.commands import AppointmentCommand
from conclusions.domain.appointment.events import AppointmentRecorded
from conclusions.domain.appointment.state import Appointment
from conclusions.domain.clinician.commands import ClinicianCommand
from conclusions.domain.clinician.events import ClinicianRecorded
from conclusions.domain.clinician.state import Clinician
from conclusions.domain.draft_reading.commands import DraftReadingCommand
from conclusions.domain.draft_reading.events import DraftReadingEvent
from conclusions.domain.draft_reading.state import DraftReading
from conclusions.domain.organisation.commands import OrganisationCommand
from conclusions.domain.organisation.events import OrganisationRecorded
from conclusions.domain.organisation.state import Organisation
from conclusions.domain.patient.commands import PatientCommand
from conclusions.domain.patient.events import PatientRecorded
from conclusions.domain.patient.state import Patient
from conclusions.domain.policies import ConclusionPolicies
from event_store import CommandHandler
from policies import PolicyBook

__all__ = ["Conclusions", "Copies", "Documents", "SigningDesk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusions:
    """What can be done here. In brackets the key of each stream."""

    conclusions: ConclusionHandler
    """(consultation) From the end of the consultation to the signed document."""
    draft_readings: CommandHandler[DraftReadingCommand, DraftReading, DraftReadingEvent]
    """(consultation) Who has read the draft."""
    certificates: CertificateHandler
    """(clinician) What the clinician signs with."""
    documents: Documents
    """Printing and taking in files."""
    signing: SigningDesk
    """Signing files."""
    policies: PolicyBook[ConclusionPolicies]

    @property
    def organisations(
        self,
    ) -> CommandHandler[OrganisationCommand, Organisation, OrganisationRecorded]:
        """(tenant) Own copy of identity's facts."""
        return self.documents.copies.organisations

    @property
    def clinicians(self) -> CommandHandler[ClinicianCommand, Clinician, ClinicianRecorded]:
        """(clinician) Own copy of identity's facts."""
        return self.documents.copies.clinicians

    @property
    def patients(self) -> CommandHandler[PatientCommand, Patient, PatientRecorded]:
        """(patient) Own copy of identity's facts."""
        return self.documents.copies.patients

    @property
    def appointments(self) -> CommandHandler[AppointmentCommand, Appointment, AppointmentRecorded]:
        """(appointment) Own copy of booking's facts."""
        return self.documents.copies.appointments
