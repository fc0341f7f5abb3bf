"""Makes the documents of conclusions: printed from the form, or uploaded."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, TypeVar

from conclusions.application.ports import (
    DocumentPrinter,
    DocumentSigner,
    PrintedConclusion,
)
from conclusions.domain.appointment.commands import AppointmentCommand
from conclusions.domain.appointment.events import AppointmentRecorded
from conclusions.domain.appointment.state import Appointment
from conclusions.domain.clinician.commands import ClinicianCommand
from conclusions.domain.clinician.events import ClinicianRecorded
from conclusions.domain.clinician.state import Clinician
from conclusions.domain.conclusion.commands import (
    ConclusionCommand,
    GenerateConclusionDocument,
    UploadConclusion,
)
from conclusions.domain.conclusion.decider import expect_draft, expect_due
from conclusions.domain.conclusion.events import ConclusionCase, ConclusionEvent, Document
from conclusions.domain.conclusion.state import Attached, Conclusion
from conclusions.domain.form import REASON_KEY, ConclusionForm
from conclusions.domain.organisation.commands import OrganisationCommand
from conclusions.domain.organisation.events import OrganisationRecorded
from conclusions.domain.organisation.state import Organisation
from conclusions.domain.patient.commands import PatientCommand
from conclusions.domain.patient.events import PatientRecorded
from conclusions.domain.patient.state import Patient
from event_store import CommandContext, CommandHandler, Handled
from file_store import FileHash, FileLimits, MediaType, SealedFiles, StoredFile
from privacy.sealing import Sealers
from service_kit.errors import Unavailable
from service_kit.texts import Language
from vocabulary.ids import ClinicianId, ConsultationId, TenantId
from vocabulary.people import FullName, age_on
from vocabulary.zone import utc_to_local

__all__ = ["Copies", "Documents", "HandledConclusion", "language_of"]

ConclusionHandler: TypeAlias = CommandHandler[ConclusionCommand, Conclusion, ConclusionEvent]
HandledConclusion: TypeAlias = Handled[Conclusion, ConclusionEvent]

LARGEST_BYTES = 64 * 1024 * 1024
"""More than any upload with its signature."""
_NAME = "document.pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """What other services told. In brackets the key of each stream."""

    organisations: CommandHandler[OrganisationCommand, Organisation, OrganisationRecorded]
    """(tenant)"""
    clinicians: CommandHandler[ClinicianCommand, Clinician, ClinicianRecorded]
    """(clinician)"""
    patients: CommandHandler[PatientCommand, Patient, PatientRecorded]
    """(patient)"""
    appointments: CommandHandler[AppointmentCommand, Appointment, AppointmentRecorded]
    """(appointment)"""

    async def organisation(self, tenant: TenantId) -> OrganisationRecorded:
        return _told(
            (await self.organisations.load(tenant=tenant, key=tenant))[0], "identity.events"
        )

    async def clinician(self, tenant: TenantId, case: ConclusionCase) -> ClinicianRecorded:
        state, _ = await self.clinicians.load(tenant=tenant, key=case.clinician_id)
        return _told(state, "identity.events")

    async def patient(self, tenant: TenantId, case: ConclusionCase) -> PatientRecorded:
        state, _ = await self.patients.load(tenant=tenant, key=case.patient_id)
        return _told(state, "identity.events")

    async def appointment(self, tenant: TenantId, case: ConclusionCase) -> AppointmentRecorded:
        state, _ = await self.appointments.load(tenant=tenant, key=case.appointment_id)
        return _told(state, "booking.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """What a document is made of is asked for, the file is stored, and the decider has the last word."""

    conclusions: ConclusionHandler
    copies: Copies
    files: SealedFiles
    printer: DocumentPrinter
    signer: DocumentSigner
    sealers: Sealers

    async def generate(
        self, consultation_id: ConsultationId, author: ClinicianId, context: CommandContext
    ) -> HandledConclusion:
        """Print the draft. A file whose event is refused stays behind, unreadable once the patient is erased."""
        tenant = TenantId(context.metadata.tenant)
        state, _ = await self.conclusions.load(tenant=tenant, key=consultation_id)
        draft = expect_draft(state, author)
        case = expect_due(state, author).case
        organisation = await self.copies.organisation(tenant)
        paper = await self._paper(tenant, case, draft, organisation, context)
        content = await self.printer.print(paper, language_of(organisation))
        stored = await self.keep(tenant, case, content)
        command = GenerateConclusionDocument(
            author=author,
            draft=draft,
            document=await self._document(tenant, case, stored, context),
        )
        return await self.conclusions.handle(command, key=consultation_id, context=context)

    async def upload(
        self,
        consultation_id: ConsultationId,
        author: ClinicianId,
        content: AsyncIterable[bytes],
        context: CommandContext,
        *,
        declared_type: str | None,
        max_bytes: int,
    ) -> HandledConclusion:
        """Take a PDF as the conclusion; raises `DocumentUnsignable` while the doctor can still give another one.

        A refused file is not deleted: the patient may have the same one elsewhere.
        """
        tenant = TenantId(context.metadata.tenant)
        state, _ = await self.conclusions.load(tenant=tenant, key=consultation_id)
        if isinstance(state, Attached) and state.document.document_id == context.command_id:
            again = UploadConclusion(author=author, document=state.document)
            return await self.conclusions.handle(again, key=consultation_id, context=context)
        case = expect_due(state, author).case
        stored = await self.files.put(
            tenant,
            case.patient_id,
            content,
            name=_NAME,
            declared_type=declared_type,
            limits=_pdf(max_bytes),
        )
        await self.signer.check(await self.read(tenant, case, stored.digest))
        command = UploadConclusion(
            author=author, document=await self._document(tenant, case, stored, context)
        )
        return await self.conclusions.handle(command, key=consultation_id, context=context)

    async def keep(self, tenant: TenantId, case: ConclusionCase, content: bytes) -> StoredFile:
        """Store a document of ours."""
        return await self.files.put(
            tenant, case.patient_id, _whole(content), name=_NAME, limits=_pdf(LARGEST_BYTES)
        )

    async def keep_evidence(self, tenant: TenantId, case: ConclusionCase, evidence: bytes) -> None:
        """Store what a signature is verified with; it names nobody, but lives and ends with the file it proves."""
        limits = FileLimits(max_bytes=LARGEST_BYTES, media_types=frozenset({MediaType.TXT}))
        await self.files.put(
            tenant, case.patient_id, _whole(evidence), name="evidence.txt", limits=limits
        )

    async def read(self, tenant: TenantId, case: ConclusionCase, sha256: str) -> bytes:
        """A whole document, as signing needs it."""
        chunks = self.files.open(tenant, case.patient_id, FileHash(sha256))
        return b"".join([chunk async for chunk in chunks])

    async def _document(
        self, tenant: TenantId, case: ConclusionCase, stored: StoredFile, context: CommandContext
    ) -> Document:
        clinician = await self.copies.clinician(tenant, case)
        appointment = await self.copies.appointment(tenant, case)
        return Document(
            document_id=context.command_id,
            sha256=stored.digest,
            size=stored.size,
            made_at=context.metadata.time,
            doctor_name=clinician.name.full,
            specialty=clinician.specialty,
            appointment_at=appointment.starts_at,
            zone=appointment.zone,
        )

    async def _paper(
        self,
        tenant: TenantId,
        case: ConclusionCase,
        draft: ConclusionForm,
        organisation: OrganisationRecorded,
        context: CommandContext,
    ) -> PrintedConclusion:
        clinician = await self.copies.clinician(tenant, case)
        appointment = await self.copies.appointment(tenant, case)
        name, birth_date = await self._person(tenant, await self.copies.patient(tenant, case))
        written = await self._written(tenant, draft)
        on_day = utc_to_local(appointment.starts_at, appointment.zone).date()
        return PrintedConclusion(
            document_id=context.command_id,
            created_at=context.metadata.time,
            organisation_name=organisation.legal_name,
            patient_name=name.full,
            patient_age_years=age_on(birth_date, on_day),
            appointment_at=appointment.starts_at,
            time_zone=appointment.zone,
            reason_for_visit=written.pop(REASON_KEY, ""),
            fields=written,
            doctor_name=clinician.name.full,
            doctor_specialty=clinician.specialty,
        )

    async def _person(self, tenant: TenantId, patient: PatientRecorded) -> tuple[FullName, date]:
        last, first, birth_date, *patronymic = await self.sealers.of(tenant).open_all(
            [
                patient.last_name,
                patient.first_name,
                patient.birth_date,
                *([] if patient.patronymic is None else [patient.patronymic]),
            ]
        )
        name = FullName(last=last, first=first, patronymic=next(iter(patronymic), None))
        return name, date.fromisoformat(birth_date)

    async def _written(self, tenant: TenantId, draft: ConclusionForm) -> dict[str, str]:
        filled = draft.filled
        texts = await self.sealers.of(tenant).open_all(list(filled.values()))
        return dict(zip(filled, texts, strict=True))


Told = TypeVar("Told")


def _told(state: Told | None, topic: str) -> Told:
    """What has not been told yet is on its way."""
    if state is None:
        raise Unavailable(topic)
    return state


def language_of(organisation: OrganisationRecorded) -> Language:
    """The language of the clinic's documents."""
    return "en" if organisation.language == "en" else "ru"


def _pdf(max_bytes: int) -> FileLimits:
    return FileLimits(max_bytes=max_bytes, media_types=frozenset({MediaType.PDF}))


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
