"""Commands about a chat, which ask the consultation first: the gate and the end are its business."""

from datetime import datetime
from uuid import UUID

from consultation_room.application import ConsultationRoom
from consultation_room.application.consultations import policies_of
from consultation_room.domain.chat_thread.commands import PostMessage, ShareFile
from consultation_room.domain.chat_thread.events import ChatFile, ChatThreadEvent
from consultation_room.domain.chat_thread.state import ChatThread, Posted, expect_room_for_file
from consultation_room.domain.consultation.state import expect_speech
from consultation_room.domain.details import AuthorRole
from consultation_room.domain.policies import RoomPolicies
from event_store import CommandContext, Handled
from vocabulary.ids import ConsultationId, FileId, TenantId
from vocabulary.sealed import Sealed

__all__ = ["admit_file", "say", "share_file"]


async def say(
    room: ConsultationRoom,
    consultation_id: ConsultationId,
    author: AuthorRole,
    client_message_id: UUID,
    text: Sealed[str] | None,
    file_ids: tuple[FileId, ...],
    now: datetime,
    context: CommandContext,
) -> tuple[Posted, Handled[ChatThread, ChatThreadEvent]]:
    """Post a message, and say where it stands: once, however often it is sent."""
    tenant = TenantId(context.metadata.tenant)
    thread, _ = await room.threads.load(tenant=tenant, key=consultation_id)
    if (author, client_message_id) not in thread.posted:
        state, _ = await room.consultations.load(tenant=tenant, key=consultation_id)
        expect_speech(state, author)
    command = PostMessage(
        consultation_id=consultation_id,
        author=author,
        client_message_id=client_message_id,
        text=text,
        file_ids=file_ids,
        now=now,
    )
    handled = await room.threads.handle(command, key=consultation_id, context=context)
    return handled.state.posted[author, client_message_id], handled


async def admit_file(
    room: ConsultationRoom,
    tenant: TenantId,
    consultation_id: ConsultationId,
    by: AuthorRole,
    file_id: FileId,
    now: datetime,
) -> tuple[RoomPolicies, int]:
    """Refuse a file before it is read; else the policies that it must fit, and their version."""
    state, _ = await room.consultations.load(tenant=tenant, key=consultation_id)
    thread, _ = await room.threads.load(tenant=tenant, key=consultation_id)
    policies, version = await policies_of(room, tenant, state, now)
    if file_id not in thread.files:
        expect_speech(state, by)
        expect_room_for_file(thread, by, policies.max_files)
    return policies, version


async def share_file(
    room: ConsultationRoom,
    consultation_id: ConsultationId,
    by: AuthorRole,
    file: ChatFile,
    max_files: int,
    now: datetime,
    context: CommandContext,
) -> tuple[ChatFile, Handled[ChatThread, ChatThreadEvent]]:
    """Keep a stored file in the chat; a repeat is answered with the first one."""
    tenant = TenantId(context.metadata.tenant)
    thread, _ = await room.threads.load(tenant=tenant, key=consultation_id)
    if file.file_id not in thread.files:  # the consultation may have ended while the file came
        state, _ = await room.consultations.load(tenant=tenant, key=consultation_id)
        expect_speech(state, by)
    command = ShareFile(
        consultation_id=consultation_id, file=file, by=by, max_files=max_files, now=now
    )
    handled = await room.threads.handle(command, key=consultation_id, context=context)
    return handled.state.files[file.file_id].file, handled
