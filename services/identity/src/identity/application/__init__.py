"""Identity as its entry points see it: one handler for each aggregate."""

from dataclasses import dataclass

from event_store import CommandHandler
from identity.domain.account.commands import AccountCommand
from identity.domain.account.events import AccountEvent
from identity.domain.account.state import Account
from identity.domain.clinician.commands import ClinicianCommand
from identity.domain.clinician.events import ClinicianEvent
from identity.domain.clinician.state import Clinician
from identity.domain.identifier_reservation.commands import IdentifierReservationCommand
from identity.domain.identifier_reservation.events import IdentifierReservationEvent
from identity.domain.identifier_reservation.state import IdentifierReservation
from identity.domain.organisation.commands import OrganisationCommand
from identity.domain.organisation.events import OrganisationEvent
from identity.domain.organisation.state import Organisation
from identity.domain.patient.commands import PatientCommand
from identity.domain.patient.events import PatientEvent
from identity.domain.patient.state import Patient
from identity.domain.registration_attempt.commands import RegistrationAttemptCommand
from identity.domain.registration_attempt.events import RegistrationAttemptEvent
from identity.domain.registration_attempt.state import RegistrationAttempt
from identity.domain.session.commands import SessionCommand
from identity.domain.session.events import SessionEvent
from identity.domain.session.state import Session
from identity.domain.sign_in_guard.commands import SignInGuardCommand
from identity.domain.sign_in_guard.events import SignInGuardEvent
from identity.domain.sign_in_guard.state import SignInGuard

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The table of contents of the service."""

    organisations: CommandHandler[OrganisationCommand, Organisation, OrganisationEvent]
    clinicians: CommandHandler[ClinicianCommand, Clinician, ClinicianEvent]
    registrations: CommandHandler[
        RegistrationAttemptCommand, RegistrationAttempt, RegistrationAttemptEvent
    ]
    patients: CommandHandler[PatientCommand, Patient, PatientEvent]
    identifiers: CommandHandler[
        IdentifierReservationCommand, IdentifierReservation, IdentifierReservationEvent
    ]
    accounts: CommandHandler[AccountCommand, Account, AccountEvent]
    sessions: CommandHandler[SessionCommand, Session, SessionEvent]
    sign_in_guards: CommandHandler[SignInGuardCommand, SignInGuard, SignInGuardEvent]
