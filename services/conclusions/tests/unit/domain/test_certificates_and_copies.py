"""Certificates that may sign, policies, and what other services told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from conclusions.domain.appointment.commands import RecordAppointment
from conclusions.domain.appointment.decider import APPOINTMENT
from conclusions.domain.appointment.events import AppointmentRecorded
from conclusions.domain.certificate import Certificate
from conclusions.domain.clinician.commands import RecordClinician
from conclusions.domain.clinician.decider import CLINICIAN
from conclusions.domain.clinician.events import ClinicianRecorded
from conclusions.domain.form import FIELD_KEYS, ConclusionForm
from conclusions.domain.organisation.commands import RecordOrganisation
from conclusions.domain.organisation.decider import ORGANISATION
from conclusions.domain.organisation.events import OrganisationRecorded
from conclusions.domain.patient.commands import RecordPatient
from conclusions.domain.patient.decider import PATIENT
from conclusions.domain.patient.events import PatientRecorded
from conclusions.domain.policies import MOST_UPLOAD_MB, ConclusionPolicies, SigningMode
from conclusions.domain.signing_certificate.commands import RegisterCertificate, RevokeCertificate
from conclusions.domain.signing_certificate.decider import SIGNING_CERTIFICATE
from conclusions.domain.signing_certificate.events import CertificateRegistered, CertificateRevoked
from conclusions.domain.signing_certificate.state import usable_at
from decider import Decider, fold
from decider.testing import Specification
from vocabulary.ids import AppointmentId, ClinicianId, OrganisationId, PatientId
from vocabulary.people import full_name
from vocabulary.sealed import Sealed
from vocabulary.zone import ZoneId

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DOCTOR = ClinicianId(UUID(int=1))
FIRST = Certificate(
    serial="A1",
    issuer="CN=Root",
    owner="Петров Пётр",
    valid_from=NOW,
    valid_to=NOW + timedelta(days=450),
)
SECOND_ONE = replace(FIRST, serial="B2", valid_to=FIRST.valid_to + timedelta(days=450))
REGISTERED = CertificateRegistered(clinician_id=DOCTOR, certificate=FIRST)
REVOKED = CertificateRevoked(clinician_id=DOCTOR, serial="A1")

certificates = Specification(SIGNING_CERTIFICATE)


def register(certificate: Certificate, now: datetime) -> RegisterCertificate:
    return RegisterCertificate(clinician_id=DOCTOR, certificate=certificate, now=now)


def test_the_first_of_two_certificates_that_come_at_once_stays() -> None:
    certificates.given().when(register(FIRST, NOW)).then(REGISTERED)
    certificates.given(REGISTERED).when(register(SECOND_ONE, NOW)).then_nothing()


def test_a_certificate_holds_to_its_last_instant_and_is_followed_by_another() -> None:
    last = FIRST.valid_to
    certificates.given(REGISTERED).when(register(SECOND_ONE, last)).then_nothing()
    certificates.given(REGISTERED).when(register(SECOND_ONE, last + SECOND)).then(
        CertificateRegistered(clinician_id=DOCTOR, certificate=SECOND_ONE)
    )


def test_a_certificate_that_cannot_sign_now_is_registered_once_all_the_same() -> None:
    certificates.given().when(register(FIRST, NOW - SECOND)).then(REGISTERED)


@pytest.mark.parametrize(
    ("moment", "usable"),
    [
        (FIRST.valid_from - SECOND, None),
        (FIRST.valid_from, FIRST),
        (FIRST.valid_to, FIRST),
        (FIRST.valid_to + SECOND, None),
    ],
)
def test_a_certificate_signs_within_its_time(moment: datetime, usable: Certificate | None) -> None:
    state = fold(SIGNING_CERTIFICATE, [REGISTERED])
    assert usable_at(state, moment) == usable


def test_a_revoked_certificate_is_given_up_once() -> None:
    revoke = RevokeCertificate(serial="A1")
    certificates.given(REGISTERED).when(revoke).then(REVOKED)
    certificates.given(REGISTERED).when(RevokeCertificate(serial="B2")).then_nothing()
    certificates.given().when(revoke).then_nothing()
    certificates.given(REGISTERED, REVOKED).when(register(SECOND_ONE, NOW)).then(
        CertificateRegistered(clinician_id=DOCTOR, certificate=SECOND_ONE)
    )
    assert usable_at(fold(SIGNING_CERTIFICATE, (REGISTERED, REVOKED)), NOW) is None
    assert usable_at(None, NOW) is None


ORGANISATION_TOLD = OrganisationRecorded(
    organisation_id=OrganisationId(UUID(int=2)), legal_name="ООО «Клиника»", language="ru"
)
CLINICIAN_TOLD = ClinicianRecorded(
    clinician_id=DOCTOR, name=full_name("Петров", "Пётр"), specialty="Терапевт"
)
PATIENT_TOLD = PatientRecorded(
    patient_id=PatientId(UUID(int=3)),
    last_name=Sealed(subject=UUID(int=3), field="last_name", cipher="a"),
    first_name=Sealed(subject=UUID(int=3), field="first_name", cipher="b"),
    birth_date=Sealed(subject=UUID(int=3), field="birth_date", cipher="c"),
)
APPOINTMENT_TOLD = AppointmentRecorded(
    appointment_id=AppointmentId(UUID(int=4)), starts_at=NOW, zone=ZoneId("Europe/Moscow")
)


@pytest.mark.parametrize(
    ("decider", "command", "told", "changed"),
    [
        (
            ORGANISATION,
            lambda told: RecordOrganisation(organisation=told),
            ORGANISATION_TOLD,
            replace(ORGANISATION_TOLD, language="en"),
        ),
        (
            CLINICIAN,
            lambda told: RecordClinician(clinician=told),
            CLINICIAN_TOLD,
            replace(CLINICIAN_TOLD, specialty="Кардиолог"),
        ),
        (
            PATIENT,
            lambda told: RecordPatient(patient=told),
            PATIENT_TOLD,
            replace(PATIENT_TOLD, patronymic=PATIENT_TOLD.last_name),
        ),
        (
            APPOINTMENT,
            lambda told: RecordAppointment(appointment=told),
            APPOINTMENT_TOLD,
            replace(APPOINTMENT_TOLD, starts_at=NOW + SECOND),
        ),
    ],
    ids=["organisation", "clinician", "patient", "appointment"],
)
def test_what_is_told_is_recorded_once_per_change(
    decider: Decider[Any, Any, Any], command: Any, told: object, changed: object
) -> None:
    copies = Specification(decider)
    copies.given().when(command(told)).then(told)
    copies.given(told).when(command(changed)).then(changed)
    copies.given(told, changed).when(command(told)).then(told)


def test_policies_have_bounds() -> None:
    assert ConclusionPolicies() == ConclusionPolicies(signing=SigningMode.AUTO, upload_limit_mb=20)
    for size in (1, MOST_UPLOAD_MB):
        assert ConclusionPolicies(upload_limit_mb=size).upload_limit_mb == size
    for size in (0, MOST_UPLOAD_MB + 1):
        with pytest.raises(ValueError, match="upload_limit_mb"):
            ConclusionPolicies(upload_limit_mb=size)


@pytest.mark.requirement("CON-02")
def test_the_form_lists_what_is_filled_in_its_order() -> None:
    text = PATIENT_TOLD.last_name
    form = ConclusionForm(
        instrumental_diagnostics=text, complaints=text, reason_for_visit=text, routing=text
    )
    assert list(form.filled) == [
        "reason_for_visit",
        "complaints",
        "routing",
        "instrumental_diagnostics",
    ]
    assert len(FIELD_KEYS) == 13
    assert not ConclusionForm(reason_for_visit=text).has_findings
    assert all(ConclusionForm(**{key: text}).has_findings for key in FIELD_KEYS)
