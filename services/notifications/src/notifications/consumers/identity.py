"""What identity tells: the clinic, people and how to reach them, and codes that wait to be sent."""

from collections.abc import Sequence
from datetime import timedelta

from contracts.fact import PublicEvent
from contracts.identity import (
    BranchAdded,
    ClinicianRegistered,
    ConfirmationCodeIssued,
    OrganisationRegistered,
    PatientContactsChanged,
    PatientRegistered,
)
from messaging import Cause, Dispatch, Reaction
from notifications.application.queueing import queue
from notifications.domain.clinic.commands import RecordBranch, RecordOrganisation
from notifications.domain.clinic.decider import CLINIC_KEY
from notifications.domain.clinic.events import BranchRecorded, OrganisationRecorded
from notifications.domain.contact_preferences.commands import ApplyPreference
from notifications.domain.contact_preferences.events import ContactPreferenceApplied
from notifications.domain.message_types import MessageType
from vocabulary.ids import BranchId, OrganisationId

__all__ = ["HANDLERS"]


def on_organisation_registered(event: OrganisationRegistered, _cause: Cause) -> Sequence[Dispatch]:
    organisation = OrganisationRecorded(
        organisation_id=OrganisationId(event.organisation_id), legal_name=event.legal_name
    )
    command = RecordOrganisation(organisation=organisation)
    return [Dispatch(to="clinics", key=CLINIC_KEY, command=command)]


def on_branch_added(event: BranchAdded, _cause: Cause) -> Sequence[Dispatch]:
    branch = BranchRecorded(
        branch_id=BranchId(event.branch_id), name=event.name, address=event.address
    )
    return [Dispatch(to="clinics", key=CLINIC_KEY, command=RecordBranch(branch=branch))]


def on_confirmation_code_issued(event: ConfirmationCodeIssued, cause: Cause) -> Sequence[Dispatch]:
    """At once, and to the address that was given with it: there is no account yet (NTF-06)."""
    life = event.expires_at - cause.envelope.metadata.time
    return [
        queue(
            cause,
            MessageType.CONFIRMATION_CODE,
            event.patient_id,
            language=event.language,
            wanted=True,
            email=event.email,
            phone=event.phone,
            facts={"minutes": str(round(life / timedelta(minutes=1)))},
            sealed={"code": event.code},
            useful_until=event.expires_at,
        )
    ]


def on_patient_told(
    event: PatientRegistered | PatientContactsChanged, _cause: Cause
) -> Sequence[Dispatch]:
    return [
        _apply(
            ContactPreferenceApplied(
                person_id=event.patient_id,
                language=event.language,
                wants_letters=event.letters_allowed,
                email=event.email,
                phone=event.phone,
            )
        )
    ]


def on_clinician_registered(event: ClinicianRegistered, _cause: Cause) -> Sequence[Dispatch]:
    """Messages belong to a doctor's work, so there is no wish to ask for."""
    return [
        _apply(
            ContactPreferenceApplied(
                person_id=event.clinician_id,
                language=event.language,
                wants_letters=True,
                email=event.email,
            )
        )
    ]


def _apply(preference: ContactPreferenceApplied) -> Dispatch:
    return Dispatch(
        to="contact_preferences",
        key=preference.person_id,
        command=ApplyPreference(preference=preference),
    )


HANDLERS: dict[type[PublicEvent], Reaction] = {
    OrganisationRegistered: on_organisation_registered,
    BranchAdded: on_branch_added,
    ConfirmationCodeIssued: on_confirmation_code_issued,
    PatientRegistered: on_patient_told,
    PatientContactsChanged: on_patient_told,
    ClinicianRegistered: on_clinician_registered,
}
