"""How a doctor writes the conclusion of a consultation: draft, preview, attachment, or a file."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import StreamingResponse

from conclusions.api.access import ACCESS
from conclusions.api.dependencies import (
    ConclusionsDep,
    QueriesDep,
    SealersDep,
    TextsDep,
    about_patient,
    author_of,
    written_by,
)
from conclusions.api.form import LONGEST_FIELD
from conclusions.api.pdf import answer_pdf
from conclusions.api.problems import PROBLEMS
from conclusions.api.shown import DocumentOut, StatusOut
from conclusions.application.ports import DocumentUnsignable
from conclusions.domain.conclusion.commands import (
    AttachConclusion,
    DiscardPreview,
    RecordView,
    RequestSignature,
    SaveDraft,
)
from conclusions.domain.conclusion.decider import expect_due
from conclusions.domain.conclusion.errors import (
    ConclusionAlreadyAttached,
    ConclusionNotAttached,
    ConclusionNotDue,
    DraftEmpty,
    NotAuthor,
    NothingToPreview,
    PreviewOutdated,
)
from conclusions.domain.conclusion.state import Attached, Conclusion, Due
from conclusions.domain.draft_reading.commands import ReadDraft
from conclusions.domain.form import FIELD_KEYS, REASON_KEY, ConclusionForm
from file_store import FileHash
from service_kit.access import Caller
from service_kit.problems import NotFound, Problem
from service_kit.texts import Language, Texts
from vocabulary.ids import ConsultationId
from vocabulary.zone import ZoneId, utc_to_local

__all__ = ["file_name", "router"]

router = APIRouter(
    prefix="/api/v1/consultations/{consultation_id}/conclusion", tags=["conclusions"]
)

FieldText = Annotated[str, Field(max_length=LONGEST_FIELD)]


class DraftBody(BaseModel):
    """What the doctor wrote, by field; an empty field is one that was left out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "reason_for_visit": "Кашель третий день",
                    "complaints": "Кашель сухой, температура 38,4 °C",
                    "recommendations": "Обильное питьё, домашний режим",
                }
            ]
        },
    )

    reason_for_visit: FieldText = ""
    complaints: FieldText = ""
    subjective_status: FieldText = ""
    history: FieldText = ""
    supplied_findings: FieldText = ""
    presumed_syndromes: FieldText = ""
    presumed_area: FieldText = ""
    differential_diagnosis: FieldText = ""
    emergency_measures: FieldText = ""
    routing: FieldText = ""
    recommendations: FieldText = ""
    treatment: FieldText = ""
    laboratory_diagnostics: FieldText = ""
    instrumental_diagnostics: FieldText = ""

    def filled(self) -> dict[str, str]:
        texts = {key: getattr(self, key).strip() for key in (REASON_KEY, *FIELD_KEYS)}
        return {key: text for key, text in texts.items() if text}


class DraftOut(DraftBody):
    """The draft as it was saved last."""


class SavedOut(BaseModel):
    """Which fields say something now."""

    filled: list[str]
    saved_at: datetime


class AttachBody(BaseModel):
    """The document that the doctor looked at."""

    model_config = ConfigDict(extra="forbid")

    document_id: UUID


class AttachedOut(BaseModel):
    """The document is the conclusion now. It is signed next: at once, or when the doctor asks (CON-24)."""

    conclusion_id: UUID
    document: DocumentOut


class RequestedOut(BaseModel):
    """The signature is on its way; the conclusion's status tells how it went."""

    conclusion_id: UUID


@router.get("")
async def read_consultation_conclusion(
    consultation_id: UUID,
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_consultation_conclusion"))],
    response: Response,
) -> StatusOut:
    """How far the conclusion of the doctor's consultation is, and why it is not signed if it is not (CON-28)."""
    row = await written_by(caller, queries, consultation_id)
    response.headers["ETag"] = f'"{row.revision}"'
    return StatusOut.of(row)


@router.get("/draft")
async def read_draft(
    consultation_id: UUID,
    conclusions: ConclusionsDep,
    queries: QueriesDep,
    sealers: SealersDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_draft"))],
    response: Response,
) -> DraftOut:
    """The draft, empty when nothing was written yet; `ETag` goes into `If-Match` of the next save.

    Who reads is recorded: once an hour for each session that keeps on reading.
    """
    row = await written_by(caller, queries, consultation_id)
    read = ReadDraft(
        consultation_id=row.consultation_id,
        reader=caller.actor,
        session_id=caller.session_id,
        now=caller.now,
    )
    await conclusions.draft_readings.handle(
        read, key=consultation_id, context=caller.context(subject=str(row.patient_id))
    )
    filled = row.draft.filled if row.draft is not None else {}
    texts = await sealers.of(caller.tenant).open_all(list(filled.values()))
    response.headers["ETag"] = f'"{row.revision}"'
    response.headers["Cache-Control"] = "private, no-store"
    return DraftOut(**dict(zip(filled, texts, strict=True)))


@router.put("/draft", responses=PROBLEMS.of(ConclusionNotDue, NotAuthor, ConclusionAlreadyAttached))
async def save_draft(
    consultation_id: UUID,
    body: DraftBody,
    conclusions: ConclusionsDep,
    sealers: SealersDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("save_draft"))],
) -> SavedOut:
    """Replace the draft. It stays until the conclusion is attached; a preview of the old text is void."""
    author = author_of(caller)
    state, _ = await conclusions.conclusions.load(tenant=caller.tenant, key=consultation_id)
    patient_id = expect_due(state, author).case.patient_id
    texts = body.filled()
    sealed = await sealers.of(caller.tenant).seal_all(
        patient_id, {f"conclusion.{key}": text for key, text in texts.items()}
    )
    draft = ConclusionForm(**{key: sealed[f"conclusion.{key}"] for key in texts})
    handled = await conclusions.conclusions.handle(
        SaveDraft(author=author, draft=draft),
        key=consultation_id,
        context=caller.context(subject=str(patient_id)),
    )
    caller.confirm(handled)
    return SavedOut(filled=list(texts), saved_at=caller.now)


@router.post(
    "/preview",
    status_code=201,
    responses=PROBLEMS.of(
        ConclusionNotDue, NotAuthor, DraftEmpty, PreviewOutdated, ConclusionAlreadyAttached
    ),
)
async def generate_preview(
    consultation_id: UUID,
    conclusions: ConclusionsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("generate_preview"))],
) -> DocumentOut:
    """Print the draft as a PDF that only its author can look at (CON-06)."""
    author = author_of(caller)
    context = await about_patient(caller, conclusions, consultation_id)
    handled = await conclusions.documents.generate(ConsultationId(consultation_id), author, context)
    caller.confirm(handled)
    state = handled.state
    if not isinstance(state, Due) or state.preview is None:
        raise NothingToPreview
    return DocumentOut.of(state.preview)


@router.get("/preview", response_class=StreamingResponse, responses=PROBLEMS.of(NothingToPreview))
async def view_preview(
    consultation_id: UUID,
    conclusions: ConclusionsDep,
    queries: QueriesDep,
    texts: TextsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("view_preview"))],
) -> StreamingResponse:
    """The previewed PDF. Looking at it is recorded."""
    row = await written_by(caller, queries, consultation_id)
    if row.preview is None:
        raise NothingToPreview
    preview = row.preview
    content = conclusions.documents.files.open(
        caller.tenant, row.patient_id, FileHash(preview.sha256)
    )
    context = caller.context(subject=str(row.patient_id))
    view = RecordView(read_id=context.command_id, sha256=preview.sha256)
    await conclusions.conclusions.handle(view, key=consultation_id, context=context)
    return await answer_pdf(
        content,
        size=preview.size,
        name=file_name(texts, caller.language, preview.appointment_at, preview.zone),
        attachment=False,
        headers={"Cache-Control": "private, no-store"},
    )


@router.delete(
    "/preview",
    status_code=204,
    responses=PROBLEMS.of(ConclusionNotDue, NotAuthor, ConclusionAlreadyAttached),
)
async def discard_preview(
    consultation_id: UUID,
    conclusions: ConclusionsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("discard_preview"))],
) -> None:
    """Cancel the preview and go back to the draft."""
    command = DiscardPreview(author=author_of(caller))
    context = await about_patient(caller, conclusions, consultation_id)
    caller.confirm(
        await conclusions.conclusions.handle(command, key=consultation_id, context=context)
    )


@router.post(
    "/attachment",
    responses=PROBLEMS.of(
        ConclusionNotDue, NotAuthor, NothingToPreview, PreviewOutdated, ConclusionAlreadyAttached
    ),
)
async def attach_conclusion(
    consultation_id: UUID,
    body: AttachBody,
    conclusions: ConclusionsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("attach_conclusion"))],
) -> AttachedOut:
    """Make the previewed document the conclusion. From here on nothing of it changes."""
    command = AttachConclusion(author=author_of(caller), document_id=body.document_id)
    context = await about_patient(caller, conclusions, consultation_id)
    handled = await conclusions.conclusions.handle(command, key=consultation_id, context=context)
    caller.confirm(handled)
    return _attached(handled.state)


@router.post(
    "/upload",
    status_code=201,
    responses=PROBLEMS.of(ConclusionNotDue, NotAuthor, ConclusionAlreadyAttached),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload_conclusion(
    consultation_id: UUID,
    request: Request,
    conclusions: ConclusionsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("upload_conclusion"))],
) -> AttachedOut:
    """Give a PDF file as the conclusion (CON-11): the body is the file. One whose signing failed with
    `DOCUMENT_UNSIGNABLE` can be replaced, by another file or by a document from the form.

    422 `FILE_TYPE_NOT_ALLOWED`, `FILE_TOO_LARGE` and so on for a file that is no PDF or too large, and
    `DOCUMENT_UNSIGNABLE` for one that is damaged, encrypted, signed already or cannot be signed for another reason.
    """
    author = author_of(caller)
    rules, version = await conclusions.policies.at(caller.tenant, caller.now)
    context = await about_patient(caller, conclusions, consultation_id, policy=version)
    try:
        handled = await conclusions.documents.upload(
            ConsultationId(consultation_id),
            author,
            request.stream(),
            context,
            declared_type=request.headers.get("content-type"),
            max_bytes=rules.upload_limit_mb * 1024 * 1024,
        )
    except DocumentUnsignable:
        raise Problem(422, "DOCUMENT_UNSIGNABLE") from None
    caller.confirm(handled)
    return _attached(handled.state)


@router.post(
    "/signature",
    status_code=202,
    responses=PROBLEMS.of(ConclusionNotDue, NotAuthor, ConclusionNotAttached),
)
async def sign_conclusion(
    consultation_id: UUID,
    conclusions: ConclusionsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("sign_conclusion"))],
) -> RequestedOut:
    """Ask for the doctor's signature: where it is not made by itself (CON-24), or could not be made."""
    command = RequestSignature(author=author_of(caller))
    context = await about_patient(caller, conclusions, consultation_id)
    handled = await conclusions.conclusions.handle(command, key=consultation_id, context=context)
    caller.confirm(handled)
    return RequestedOut(conclusion_id=_attached(handled.state).conclusion_id)


def file_name(texts: Texts, language: Language, appointment_at: datetime, zone: str) -> str:
    """What the file is called on the reader's disk; no name of a person."""
    day = utc_to_local(appointment_at, ZoneId(zone)).date()
    return texts.render("files.conclusion", language, day=day.isoformat())


def _attached(state: Conclusion) -> AttachedOut:
    if not isinstance(state, Attached):
        raise NotFound
    return AttachedOut(
        conclusion_id=state.case.conclusion_id, document=DocumentOut.of(state.document)
    )
