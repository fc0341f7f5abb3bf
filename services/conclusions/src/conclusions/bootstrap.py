"""Composition root of conclusions: builders for the API and the worker, read from top to bottom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx
from fastapi import FastAPI

from conclusions.adapters.document_signer import PadesDocumentSigner
from conclusions.adapters.pdf_document import PdfPrinter
from conclusions.adapters.sandbox_certificates import SandboxCertificateAuthority
from conclusions.adapters.signing_keys import MemorySigningKeys, PostgresSigningKeys
from conclusions.api import form, medcard, verification, writing
from conclusions.api.access import ACCESS
from conclusions.api.problems import PROBLEMS
from conclusions.application import Conclusions, Copies, Documents, SigningDesk
from conclusions.application.ports import (
    AUTHORITY,
    CertificateAuthority,
    DocumentPrinter,
    DocumentSigner,
    SigningKeys,
)
from conclusions.application.processes.signing import SIGNING
from conclusions.consumers import booking, consultation_room, identity
from conclusions.domain.appointment import events as appointment_events
from conclusions.domain.appointment.decider import APPOINTMENT
from conclusions.domain.clinician import events as clinician_events
from conclusions.domain.clinician.decider import CLINICIAN
from conclusions.domain.conclusion import events as conclusion_events
from conclusions.domain.conclusion.decider import CONCLUSION
from conclusions.domain.draft_reading import events as draft_reading_events
from conclusions.domain.draft_reading.decider import DRAFT_READING
from conclusions.domain.organisation import events as organisation_events
from conclusions.domain.organisation.decider import ORGANISATION
from conclusions.domain.patient import events as patient_events
from conclusions.domain.patient.decider import PATIENT
from conclusions.domain.policies import ConclusionPolicies
from conclusions.domain.signing_certificate import events as certificate_events
from conclusions.domain.signing_certificate.decider import SIGNING_CERTIFICATE
from conclusions.publishing import publish
from conclusions.read_models import VIEWS as READ_MODELS
from conclusions.settings import ConclusionsSettings
from conclusions.timers import DEADLINES
from contracts.topics import BOOKING_EVENTS, CONCLUSIONS_EVENTS, IDENTITY_EVENTS, ROOM_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.memory import MemoryEventStore
from file_store import FileStoreUnavailable, SealedFiles
from file_store.memory import MemoryFileStore
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.keyring import MasterKeys
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import Queries, View, Views
from service_kit.app import create_app
from service_kit.files import open_files
from service_kit.http import Patience, ProviderClient
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.service import Service, open_ground, open_sealers
from service_kit.settings import naming

__all__ = [
    "CODEC",
    "SERVICE",
    "VIEWS",
    "build_api",
    "build_conclusions",
    "describe",
    "open_conclusions",
]

CONCLUSIONS: Final = Codec(conclusion_events.STORED_NAMES)
DRAFT_READINGS: Final = Codec(draft_reading_events.STORED_NAMES)
CERTIFICATES: Final = Codec(certificate_events.STORED_NAMES)
ORGANISATIONS: Final = Codec(organisation_events.STORED_NAMES)
CLINICIANS: Final = Codec(clinician_events.STORED_NAMES)
PATIENTS: Final = Codec(patient_events.STORED_NAMES)
APPOINTMENTS: Final = Codec(appointment_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(
    CONCLUSIONS,
    DRAFT_READINGS,
    CERTIFICATES,
    ORGANISATIONS,
    CLINICIANS,
    PATIENTS,
    APPOINTMENTS,
    POLICY_CODEC,
)
SERVICE: Final = Service(
    name="conclusions",
    codec=CODEC,
    topic=CONCLUSIONS_EVENTS,
    publish=publish,
    views=READ_MODELS,
    deadlines=DEADLINES,
    processes=(SIGNING,),
    hears=(
        (IDENTITY_EVENTS, identity.HANDLERS),
        (BOOKING_EVENTS, booking.HANDLERS),
        (ROOM_EVENTS, consultation_room.HANDLERS),
    ),
    passing=(FileStoreUnavailable, asyncpg.PostgresConnectionError, OSError),
)
VIEWS: Final[tuple[View[Any], ...]] = SERVICE.all_views


def build_conclusions(
    store: EventStore,
    *,
    sealers: Sealers,
    files: SealedFiles,
    printer: DocumentPrinter,
    signer: DocumentSigner,
    authority: CertificateAuthority,
    keys: SigningKeys,
) -> Conclusions:
    """The aggregates over a store; the last argument of each handler is the category of its streams."""
    conclusions = CommandHandler(store, CONCLUSION, CONCLUSIONS, "conclusion")
    certificates = CommandHandler(store, SIGNING_CERTIFICATE, CERTIFICATES, "signing-certificate")
    documents = Documents(
        conclusions=conclusions,
        copies=Copies(
            organisations=CommandHandler(store, ORGANISATION, ORGANISATIONS, "organisation"),
            clinicians=CommandHandler(store, CLINICIAN, CLINICIANS, "clinician"),
            patients=CommandHandler(store, PATIENT, PATIENTS, "patient"),
            appointments=CommandHandler(store, APPOINTMENT, APPOINTMENTS, "appointment"),
        ),
        files=files,
        printer=printer,
        signer=signer,
        sealers=sealers,
    )
    return Conclusions(
        conclusions=conclusions,
        draft_readings=CommandHandler(store, DRAFT_READING, DRAFT_READINGS, "draft-reading"),
        certificates=certificates,
        documents=documents,
        signing=SigningDesk(
            conclusions=conclusions,
            certificates=certificates,
            documents=documents,
            signer=signer,
            authority=authority,
            keys=keys,
        ),
        policies=PolicyBook(store, ConclusionPolicies, service="conclusions"),
    )


def build_api(
    kit: Kit,
    conclusions: Conclusions,
    *,
    views: Views | None = None,
    queries: Queries | None = None,
) -> FastAPI:
    return create_app(
        kit,
        routers=[
            form.router,
            writing.router,
            medcard.router,
            verification.router,
            policies_router("conclusions"),
        ],
        access=ACCESS,
        problems=PROBLEMS,
        views=views,
        state={
            "conclusions": conclusions,
            "policies": conclusions.policies,
            "sealers": conclusions.documents.sealers,
            "queries": queries,
        },
    )


def describe() -> FastAPI:
    """The API without any resource, for its documents."""
    kit = describing_kit("conclusions")
    nowhere = ProviderClient(AUTHORITY, httpx.AsyncClient(), Patience())
    authority = SandboxCertificateAuthority(nowhere)
    sealers = Sealers(MemoryKeyring())
    conclusions = build_conclusions(
        MemoryEventStore(),
        sealers=sealers,
        files=SealedFiles(MemoryFileStore(), sealers),
        printer=PdfPrinter(kit.texts),
        signer=PadesDocumentSigner(authority=authority, texts=kit.texts, timestamp_url=None),
        authority=authority,
        keys=MemorySigningKeys(),
    )
    return build_api(kit, conclusions)


@asynccontextmanager
async def open_conclusions(settings: ConclusionsSettings, kit: Kit) -> AsyncIterator[Parts]:
    async with (
        open_ground(SERVICE, settings, kit) as ground,
        open_sealers(settings, kit) as (sealers, _),
        open_files(settings, kit, sealers) as files,
        ProviderClient.open(AUTHORITY, settings.certificate_authority_url) as client,
    ):
        kit.health.add(AUTHORITY, client.check, required=False)
        authority = SandboxCertificateAuthority(client)
        conclusions = build_conclusions(
            ground.store,
            sealers=sealers,
            files=files,
            printer=PdfPrinter(kit.texts),
            signer=PadesDocumentSigner(
                authority=authority, texts=kit.texts, timestamp_url=settings.timestamp_url
            ),
            authority=authority,
            keys=PostgresSigningKeys(ground.pool, _wrapping_keys(settings)),
        )
        work = ground.work(conclusions)
        yield work.parts(build_api(kit, conclusions, views=work.views, queries=ground.queries))


def _wrapping_keys(settings: ConclusionsSettings) -> MasterKeys:
    with naming(settings, "key_encryption_key"):
        return MasterKeys.from_text(settings.key_encryption_key.get_secret_value())
