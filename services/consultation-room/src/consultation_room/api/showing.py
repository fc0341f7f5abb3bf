"""Messages as their readers see them: opened, and system texts in the reader's language (ROOM-21)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from consultation_room.domain.chat_thread.events import ChatFile, SystemMessage
from consultation_room.domain.details import AuthorRole
from consultation_room.read_models.transcript import MessageRow
from privacy.sealing import Sealer
from service_kit import texts
from service_kit.texts import Language, Texts

__all__ = ["FileOut", "MessageOut", "show_file", "show_messages", "system_text"]


class FileOut(BaseModel):
    """A file of the chat; its content is at `/api/v1/consultations/{consultation_id}/files/{file_id}`."""

    file_id: UUID
    name: str
    media_type: str
    size: int


class MessageOut(BaseModel):
    """One message. `SYSTEM` and `DOCTOR` stand on one side, `CLIENT` on the other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": 3,
                    "author": "CLIENT",
                    "text": "Добрый день! Прикладываю результаты анализов.",
                    "files": [
                        {
                            "file_id": "0190a0de-0000-7000-8000-000000000001",
                            "name": "анализы.pdf",
                            "media_type": "application/pdf",
                            "size": 182044,
                        }
                    ],
                    "posted_at": "2026-11-21T09:58:11.402Z",
                    "client_message_id": "0190a0dd-0000-7000-8000-000000000001",
                }
            ]
        }
    )

    number: int
    author: AuthorRole
    text: str | None
    files: Sequence[FileOut]
    posted_at: datetime
    client_message_id: UUID | None


def system_text(message: SystemMessage, catalogue: Texts, language: Language) -> str:
    """The text of a system message; a planned start is shown in the branch's zone."""
    facts: dict[str, object] = dict(message.facts)
    if starts_at := message.facts.get("starts_at"):
        zone = message.facts["zone"]
        facts["starts_at"] = texts.moment(datetime.fromisoformat(starts_at), zone, language)
    return catalogue.render(f"chat.{message.key}", language, **facts)


async def show_messages(
    rows: Sequence[MessageRow], sealer: Sealer, catalogue: Texts, language: Language
) -> list[MessageOut]:
    """Open and render messages of one consultation; raises SubjectErased, KeyUnavailable."""
    sealed = [
        value
        for row in rows
        for value in (row.text, *(file.name for file in row.files))
        if value is not None
    ]
    opened = dict(zip(sealed, await sealer.open_all(sealed), strict=True))
    return [
        MessageOut(
            number=row.number,
            author=row.author,
            text=system_text(row.system, catalogue, language)
            if row.system
            else opened[row.text]
            if row.text
            else None,
            files=[_file(file, opened[file.name]) for file in row.files],
            posted_at=row.posted_at,
            client_message_id=row.client_message_id,
        )
        for row in rows
    ]


async def show_file(file: ChatFile, sealer: Sealer) -> FileOut:
    return _file(file, await sealer.open(file.name))


def _file(file: ChatFile, name: str) -> FileOut:
    return FileOut(file_id=file.file_id, name=name, media_type=file.media_type, size=file.size)
