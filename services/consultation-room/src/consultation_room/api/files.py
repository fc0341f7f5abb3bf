"""Routes of the chat's files: streamed in and out, checked by content, sealed for the patient."""

import re
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from consultation_room.api.access import ACCESS
from consultation_room.api.dependencies import (
    FilesDep,
    RoomDep,
    SealersDep,
    participants_for,
    side_of,
)
from consultation_room.api.problems import PROBLEMS
from consultation_room.api.showing import FileOut, show_file
from consultation_room.application import chat
from consultation_room.domain.chat_reading.commands import ReadChatFile
from consultation_room.domain.chat_thread.errors import TooManyFiles
from consultation_room.domain.chat_thread.events import ChatFile
from consultation_room.domain.consultation.errors import NotInWork, PaymentRequired
from consultation_room.domain.consultation.state import Closed, expect_entry
from consultation_room.domain.details import ConsultationClosed, ConsultationNotFound
from consultation_room.domain.policies import FileType, RoomPolicies
from file_store import FileLimits, FileMissing, MediaType, begun, file_hash
from service_kit.access import Caller
from service_kit.ids import new_id
from service_kit.problems import NotFound
from service_kit.uploads import FILE_BODY, incoming_file
from vocabulary.ids import FileId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/consultations/{consultation_id}/files", tags=["chat"])

_MEDIA_TYPES: Final[dict[FileType, MediaType]] = {
    "pdf": MediaType.PDF,
    "xls": MediaType.XLS,
    "xlsx": MediaType.XLSX,
    "txt": MediaType.TXT,
    "docx": MediaType.DOCX,
    "doc": MediaType.DOC,
    "jpg": MediaType.JPEG,
    "png": MediaType.PNG,
    "zip": MediaType.ZIP,
}
_FOLDERS: Final = re.compile(r"^.*[/\\]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@router.post(
    "",
    status_code=201,
    openapi_extra=FILE_BODY,
    responses=PROBLEMS.of(
        *(ConsultationNotFound, ConsultationClosed, PaymentRequired, NotInWork, TooManyFiles)
    ),
)
async def share_file(
    consultation_id: UUID,
    request: Request,
    room: RoomDep,
    sealers: SealersDep,
    files: FilesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("share_file"))],
) -> FileOut:
    """Upload one file; put its `file_id` into a message to show it.

    Types, size and number are the clinic's policy; the type is told by the content, which must agree with the name.
    """
    participants, _ = await participants_for(room, caller, consultation_id)
    side, subject = side_of(caller, participants), participants.patient_id
    context = caller.context(subject=str(subject))
    file_id = FileId(uuid5(context.command_id, "file"))
    policies, version = await chat.admit_file(
        room, caller.tenant, participants.consultation_id, side, file_id, caller.now
    )
    async with incoming_file(request) as incoming:
        name = _plain_name(incoming.name)
        stored = await files.put(
            caller.tenant,
            subject,
            incoming.content,
            name=name,
            declared_type=incoming.declared_type,
            limits=_limits(policies),
        )
    sealer = sealers.of(caller.tenant)
    file = ChatFile(
        file_id=file_id,
        name=await sealer.seal(subject, "chat_file_name", name),
        media_type=stored.media_type,
        size=stored.size,
        sha256=stored.digest,
    )
    shared, handled = await chat.share_file(
        room,
        participants.consultation_id,
        side,
        file,
        policies.max_files,
        caller.now,
        caller.context(subject=str(subject), policy=version),
    )
    caller.confirm(handled)
    return await show_file(shared, sealer)


@router.get(
    "/{file_id}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file"},
        **PROBLEMS.of(ConsultationNotFound, PaymentRequired),
    },
)
async def read_file(
    consultation_id: UUID,
    file_id: UUID,
    room: RoomDep,
    sealers: SealersDep,
    files: FilesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_file"))],
) -> StreamingResponse:
    """Download a file of the chat, also of a consultation that is over. Every download is recorded."""
    participants, state = await participants_for(room, caller, consultation_id)
    if not isinstance(state, Closed):
        expect_entry(state)
    # The stream is asked, not a view: a file is fetched in the moment in which its message arrives.
    thread, _ = await room.threads.load(tenant=caller.tenant, key=consultation_id)
    shared = thread.files.get(FileId(file_id))
    if shared is None:
        raise NotFound
    file = shared.file
    read = ReadChatFile(
        consultation_id=participants.consultation_id, file_id=file.file_id, read_id=new_id()
    )
    await room.readings.handle(
        read,
        key=participants.consultation_id,
        context=caller.context(subject=str(participants.patient_id)),
    )
    name = await sealers.of(caller.tenant).open(file.name)
    content = files.open(caller.tenant, participants.patient_id, file_hash(file.sha256))
    try:
        answer = await begun(content)
    except FileMissing:
        raise NotFound from None
    return StreamingResponse(
        answer,
        media_type=file.media_type,
        headers={
            "Content-Length": str(file.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _limits(policies: RoomPolicies) -> FileLimits:
    return FileLimits(
        max_bytes=policies.max_file_megabytes * 1024 * 1024,
        media_types=frozenset(_MEDIA_TYPES[kind] for kind in policies.file_types),
    )


def _plain_name(name: str) -> str:
    """The name without folders and control characters; its end, with the extension, when it is too long."""
    return _CONTROL.sub("", _FOLDERS.sub("", name))[-200:]
