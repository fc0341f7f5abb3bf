"""What routes ask for."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from conclusions.application import Conclusions
from conclusions.domain.conclusion.state import Unknown
from conclusions.read_models.conclusions import ConclusionRow, find, of_consultation
from event_store import CommandContext
from privacy.sealing import Sealers
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Denied, NotFound
from service_kit.texts import Texts
from vocabulary.ids import ClinicianId, ConclusionId, ConsultationId

__all__ = [
    "ConclusionsDep",
    "QueriesDep",
    "SealersDep",
    "TextsDep",
    "about_patient",
    "author_of",
    "readable",
    "written_by",
]


async def conclusions_of(request: Request) -> Conclusions:
    conclusions: Conclusions = request.app.state.conclusions
    return conclusions


async def queries_of(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


async def sealers_of(request: Request) -> Sealers:
    sealers: Sealers = request.app.state.sealers
    return sealers


async def texts_of(request: Request) -> Texts:
    texts: Texts = request.app.state.kit.texts
    return texts


ConclusionsDep = Annotated[Conclusions, Depends(conclusions_of)]
QueriesDep = Annotated[Queries, Depends(queries_of)]
SealersDep = Annotated[Sealers, Depends(sealers_of)]
TextsDep = Annotated[Texts, Depends(texts_of)]


def author_of(caller: Caller) -> ClinicianId:
    """Who writes; the decider compares it with whose consultation it was."""
    if caller.clinician_id is None:
        raise Denied("NOT_YOURS")
    return caller.clinician_id


async def about_patient(
    caller: Caller, conclusions: Conclusions, consultation_id: UUID, *, policy: int | None = None
) -> CommandContext:
    """The context of a command on a conclusion: whatever follows from it is about its patient too (OPS-02)."""
    state, _ = await conclusions.conclusions.load(tenant=caller.tenant, key=consultation_id)
    subject = None if isinstance(state, Unknown) else str(state.case.patient_id)
    return caller.context(subject=subject, policy=policy)


async def written_by(caller: Caller, queries: Queries, consultation_id: UUID) -> ConclusionRow:
    """The conclusion of the caller's own consultation."""
    row = await of_consultation(queries, caller.tenant, ConsultationId(consultation_id))
    if row is None:
        raise NotFound
    caller.require(clinician_id=row.clinician_id)
    return row


async def readable(caller: Caller, queries: Queries, conclusion_id: UUID) -> ConclusionRow:
    """A signed conclusion of the caller's; a patient knows of published ones only (CON-26, CON-29)."""
    row = await find(queries, caller.tenant, ConclusionId(conclusion_id))
    if row is None:
        raise NotFound
    caller.require(patient_id=row.patient_id, clinician_id=row.clinician_id)
    if row.signature is None or (
        row.published_at is None and not caller.owns(clinician_id=row.clinician_id)
    ):
        raise NotFound
    return row
