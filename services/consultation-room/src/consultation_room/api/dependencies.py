"""What routes ask for, and the check that a consultation is the caller's."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection

from consultation_room.application import ConsultationRoom
from consultation_room.domain.chat_reading.commands import ReadChat
from consultation_room.domain.consultation.state import Consultation, expect_known
from consultation_room.domain.details import AuthorRole, Participants
from file_store import SealedFiles
from privacy.sealing import Sealers
from read_models import Queries
from service_kit.access import Caller
from service_kit.ids import new_id
from service_kit.kit import Kit
from service_kit.texts import Texts

__all__ = [
    "FilesDep",
    "KitTexts",
    "QueriesDep",
    "RoomDep",
    "SealersDep",
    "participants_for",
    "record_reading",
    "side_of",
]


async def room_of(connection: HTTPConnection) -> ConsultationRoom:
    room: ConsultationRoom = connection.app.state.room
    return room


async def queries_of(connection: HTTPConnection) -> Queries:
    queries: Queries = connection.app.state.queries
    return queries


async def sealers_of(connection: HTTPConnection) -> Sealers:
    sealers: Sealers = connection.app.state.sealers
    return sealers


async def files_of(connection: HTTPConnection) -> SealedFiles:
    files: SealedFiles = connection.app.state.files
    return files


async def texts_of(connection: HTTPConnection) -> Texts:
    kit: Kit = connection.app.state.kit
    return kit.texts


RoomDep = Annotated[ConsultationRoom, Depends(room_of)]
QueriesDep = Annotated[Queries, Depends(queries_of)]
SealersDep = Annotated[Sealers, Depends(sealers_of)]
FilesDep = Annotated[SealedFiles, Depends(files_of)]
KitTexts = Annotated[Texts, Depends(texts_of)]


async def participants_for(
    room: ConsultationRoom, caller: Caller, consultation_id: UUID
) -> tuple[Participants, Consultation]:
    """The consultation, which must be the caller's; from its stream, since gates must not be late."""
    state, _ = await room.consultations.load(tenant=caller.tenant, key=consultation_id)
    participants = expect_known(state).details.participants
    caller.require(patient_id=participants.patient_id, clinician_id=participants.clinician_id)
    return participants, state


async def record_reading(
    room: ConsultationRoom, caller: Caller, participants: Participants
) -> None:
    """Before a chat is shown: who reads it is known (GW-24)."""
    command = ReadChat(
        consultation_id=participants.consultation_id,
        reader=caller.actor,
        session_id=caller.session_id,
        now=caller.now,
    )
    await room.readings.handle(
        command,
        key=participants.consultation_id,
        context=caller.context(subject=str(participants.patient_id), key=f"reading:{new_id()}"),
    )


def side_of(caller: Caller, participants: Participants) -> AuthorRole:
    """As whom the caller speaks."""
    if caller.clinician_id == participants.clinician_id:
        return AuthorRole.DOCTOR
    return AuthorRole.CLIENT
