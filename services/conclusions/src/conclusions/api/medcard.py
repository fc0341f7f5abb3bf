"""Signed conclusions: in the patient's medcard, and for their author (CON-45)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from conclusions.api.access import ACCESS
from conclusions.api.dependencies import ConclusionsDep, QueriesDep, TextsDep, readable
from conclusions.api.pdf import answer_pdf
from conclusions.api.shown import CardOut
from conclusions.api.writing import file_name
from conclusions.domain.conclusion.commands import RecordDownload, RecordView
from conclusions.read_models.conclusions import published
from file_store import FileHash
from service_kit.access import Caller
from service_kit.problems import Denied, NotFound
from service_kit.reads import Page, PageQuery, PageQueryDep, instant, page_of
from vocabulary.ids import ConsultationId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["medcard"])


@router.get("/medcard/conclusions")
async def list_my_conclusions(
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_my_conclusions"))],
    page: PageQueryDep,
) -> Page[CardOut]:
    """The patient's published conclusions, the latest consultation first."""
    if caller.patient_id is None:
        raise Denied("NOT_YOURS")
    rows = await published(
        queries, caller.tenant, caller.patient_id, before=_place(page), limit=page.limit + 1
    )
    return page_of(
        rows,
        page,
        key=lambda row: {
            "completed_at": row.completed_at.isoformat(),
            "consultation_id": str(row.consultation_id),
        },
        show=CardOut.of,
    )


@router.get("/conclusions/{conclusion_id}")
async def read_conclusion(
    conclusion_id: UUID,
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_conclusion"))],
) -> CardOut:
    """The card of a signed conclusion, with its certificate."""
    return CardOut.of(await readable(caller, queries, conclusion_id))


@router.get(
    "/conclusions/{conclusion_id}/document",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/pdf": {}}}, 304: {"description": "Not changed"}},
)
async def open_document(
    conclusion_id: UUID,
    request: Request,
    conclusions: ConclusionsDep,
    queries: QueriesDep,
    texts: TextsDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("open_document"))],
    disposition: Literal["inline", "attachment"] = "inline",
) -> Response:
    """The signed file, byte for byte (CON-46): to look at, or with `disposition=attachment` to take away.

    `ETag` is the SHA-256 of the bytes. Every reading is recorded.
    """
    row = await readable(caller, queries, conclusion_id)
    if row.signature is None or row.document is None:
        raise NotFound
    sha256 = row.signature.sha256
    headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    content = conclusions.documents.files.open(caller.tenant, row.patient_id, FileHash(sha256))
    context = caller.context(subject=str(row.patient_id))
    record = RecordDownload if disposition == "attachment" else RecordView
    await conclusions.conclusions.handle(
        record(read_id=context.command_id, sha256=sha256),
        key=row.consultation_id,
        context=context,
    )
    return await answer_pdf(
        content,
        size=row.signature.size,
        name=file_name(texts, caller.language, row.document.appointment_at, row.document.zone),
        attachment=disposition == "attachment",
        headers=headers,
    )


def _place(page: PageQuery) -> tuple[datetime, ConsultationId] | None:
    return page.place(completed_at=instant, consultation_id=UUID)
