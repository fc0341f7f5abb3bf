"""The live connection: chat both ways over one WebSocket, in one order, with a replay of what was missed."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, assert_never
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, WebSocket
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from consultation_room.api import frames
from consultation_room.api.access import ACCESS
from consultation_room.api.dependencies import participants_for, record_reading, side_of
from consultation_room.api.messages import post
from consultation_room.api.problems import PROBLEMS
from consultation_room.api.showing import show_messages
from consultation_room.application import ConsultationRoom
from consultation_room.application.live import Listener, Live, News
from consultation_room.application.presence import Presence, Seat
from consultation_room.domain.chat_thread.events import (
    ChatMessage,
    FileSharedInChat,
    MessagePosted,
    SystemMessagePosted,
    ThreadClosed,
)
from consultation_room.domain.consultation.commands import (
    AdmitPatient,
    LeaveRoom,
    ResumeConsultation,
)
from consultation_room.domain.consultation.state import (
    Closed,
    Consultation,
    Open,
    Started,
    evolve,
    expect_entry,
    expect_known,
)
from consultation_room.domain.details import AuthorRole, Participants
from consultation_room.read_models.transcript import message_of
from decider import Rejection
from privacy.sealing import Sealers
from service_kit.access import Caller, Doorstep
from service_kit.errors import Unavailable
from service_kit.ids import new_id
from service_kit.problems import EXPECTED, Denied, problem_document, problem_of
from service_kit.requests import kit_of, language_of

__all__ = ["LiveRoom", "LiveTerms", "router"]

router = APIRouter(prefix="/api/v1/consultations", tags=["chat"])

# Close codes: those of RFC 6455, and of our own from 4400 on.
NORMAL: Final = 1000
REFUSED: Final = 1008
AGAIN: Final = 1012
SLOW: Final = 1013
TOKEN_EXPIRED: Final = 4401
SESSION_ENDED: Final = 4403
SILENT: Final = 4408

_MAX_FRAME: Final = 64 * 1024
_CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTerms:
    """Bounds of a connection, in seconds where not said otherwise."""

    hello_within: float = 10.0
    heartbeat_every: float = 20.0
    silent_after: float = 60.0
    token_warning: float = 60.0
    closing_within: float = 5.0
    """How long the closing messages may take to come after the end."""
    send_within: float = 30.0
    tick: float = 1.0
    queued_frames: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoom:
    """What every live connection of this process shares."""

    room: ConsultationRoom
    live: Live
    presence: Presence
    sealers: Sealers
    terms: LiveTerms = LiveTerms()


Outgoing = News | BaseModel | dict[str, object]


class Hangup(Exception):
    """The connection ends, with this code and reason."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@router.websocket("/{consultation_id}/live")
async def join_live(
    consultation_id: UUID,
    socket: WebSocket,
    door: Annotated[Doorstep, Depends(ACCESS.allow_in_frame("join_live"))],
) -> None:
    """Chat live. The first frame is `hello`; see `frames` for all of them."""
    await socket.accept()
    connection = Connection(socket, door, socket.app.state.live_room)
    try:
        await connection.serve(consultation_id)
    except WebSocketDisconnect:
        return
    except Hangup as end:
        await _close(socket, end)
    except EXPECTED as refusal:
        await _close(socket, await connection.refuse(refusal))


class Connection:
    """One client in one room: a reader, a writer and a ticker; whichever ends first ends all."""

    def __init__(self, socket: WebSocket, door: Doorstep, shared: LiveRoom) -> None:
        self._socket, self._door, self._shared, self._terms = socket, door, shared, shared.terms
        self._news: asyncio.Queue[Outgoing] = asyncio.Queue(shared.terms.queued_frames)
        self._lost: Hangup | None = None
        self._sent = 0
        self._token_wanted = False
        self._heard_at = self._told_at = time.monotonic()
        self._ended_at: float | None = None
        self._caller: Caller
        self._participants: Participants
        self._state: Consultation
        self._revision = 0

    async def serve(self, consultation_id: UUID) -> None:
        """Let the client in, replay, and go on until something ends it. Raises Hangup, WebSocketDisconnect."""
        shared = self._shared
        hello = await self._greeted()
        self._caller = caller = await self._door.admit(hello.token)
        self._participants, state = await participants_for(shared.room, caller, consultation_id)
        if not isinstance(state, Closed):
            expect_entry(state)
        await record_reading(shared.room, caller, self._participants)
        self._sent = hello.last_seen
        room_id = self._participants.consultation_id
        await self._listening()
        with shared.live.joined(caller.tenant, room_id, Listener(self._tell, self._lose)):
            # Read again now that nothing can be missed any more.
            self._state, self._revision = await shared.room.consultations.load(
                tenant=caller.tenant, key=room_id
            )
            if isinstance(self._state, Closed):
                await self._replay()
                raise Hangup(NORMAL, "CONSULTATION_CLOSED")
            seat = Seat(caller.tenant, room_id, self._side)
            with shared.presence.seated(seat, self._leave):
                await self._arrive()
                await _first_of(self._read(), self._write(), self._tick())

    @property
    def _side(self) -> AuthorRole:
        return side_of(self._caller, self._participants)

    async def refuse(self, refusal: Exception) -> Hangup:
        """Say why it ends."""
        problem = self._problem(refusal)
        await self._send(problem)
        return Hangup(AGAIN if problem["status"] == 503 else REFUSED, str(problem["code"]))

    async def _listening(self) -> None:
        try:
            async with asyncio.timeout(self._terms.hello_within):
                await self._shared.live.listening()
        except TimeoutError:
            raise Hangup(AGAIN, "TRY_AGAIN") from None

    # In

    async def _greeted(self) -> frames.Hello:
        try:
            async with asyncio.timeout(self._terms.hello_within):
                frame = await self._receive()
        except TimeoutError:
            raise Hangup(REFUSED, "HELLO_EXPECTED") from None
        if not isinstance(frame, frames.Hello):
            raise Hangup(REFUSED, "HELLO_EXPECTED")
        return frame

    async def _receive(self) -> frames.FromClient:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", NORMAL))
        self._heard_at = time.monotonic()
        text = message.get("text")
        if text is None or len(text) > _MAX_FRAME:
            raise Hangup(REFUSED, "FRAME_INVALID")
        try:
            return frames.FROM_CLIENT.validate_json(text)
        except ValidationError:
            raise Hangup(REFUSED, "FRAME_INVALID") from None

    async def _read(self) -> None:
        while True:
            frame = await self._receive()
            match frame:
                case frames.Say():
                    await self._say(frame)
                case frames.NewToken():
                    await self._renew(frame.token)
                case frames.Heartbeat():
                    pass
                case frames.Hello():
                    raise Hangup(REFUSED, "FRAME_INVALID")
                case _:
                    assert_never(frame)

    async def _say(self, said: frames.Say) -> None:
        caller = self._caller.later()
        key = f"live:{self._participants.consultation_id}:{said.client_message_id}"
        try:
            posted, _ = await post(
                self._shared.room, self._shared.sealers, caller, self._participants, said, key
            )
        except EXPECTED as refusal:
            self._tell(self._problem(refusal, said.client_message_id))
        else:
            self._tell(frames.Ack(**dict(posted)))

    async def _renew(self, token: str) -> None:
        """A newer token of the same person; the table of access is asked anew (GW-24)."""
        caller, old = await self._door.admit(token), self._caller
        if (caller.tenant, caller.account_id) != (old.tenant, old.account_id):
            raise Denied("NOT_YOURS")
        caller.require(
            patient_id=self._participants.patient_id,
            clinician_id=self._participants.clinician_id,
        )
        self._caller, self._token_wanted = caller, False

    # Out

    def _tell(self, news: Outgoing) -> None:
        """Queue an event or a frame; who takes too long to read is cut off, and replays when back."""
        try:
            self._news.put_nowait(news)
        except asyncio.QueueFull:
            self._lost = self._lost or Hangup(SLOW, "SLOW_CONSUMER")

    def _lose(self) -> None:
        self._lost = self._lost or Hangup(AGAIN, "TRY_AGAIN")

    async def _write(self) -> None:
        await self._replay()
        while True:
            news = await self._news.get()
            if isinstance(news, News):
                await self._pass_on(news)
            else:
                await self._send(news)

    async def _replay(self) -> None:
        room_id = self._participants.consultation_id
        await self._show(await self._shared.live.since(self._caller.tenant, room_id, self._sent))
        await self._send(frames.CaughtUp(number=self._sent))
        await self._send(self._state_frame())

    async def _pass_on(self, news: News) -> None:
        match news.event:
            case MessagePosted() | SystemMessagePosted() as message:
                if message.number > self._sent:  # else it was in the replay
                    await self._show([message])
            case FileSharedInChat():
                pass  # it is shown when a message has it
            case ThreadClosed():
                raise Hangup(NORMAL, "CONSULTATION_CLOSED")
            case event:
                if news.revision > self._revision:
                    self._state, self._revision = evolve(self._state, event), news.revision
                    await self._changed()

    async def _changed(self) -> None:
        await self._send(self._state_frame())
        match self._state, self._side:
            case Closed(), _:
                self._ended_at = time.monotonic()
            case (Started(suspended=True), AuthorRole.DOCTOR) | (
                Open(patient_waiting=False),
                AuthorRole.CLIENT,
            ):
                with suppress(Rejection):  # it has ended meanwhile, which is the next news
                    await self._arrive()
            case _:
                pass

    async def _show(self, messages: Sequence[ChatMessage]) -> None:
        caller = self._caller
        for start in range(0, len(messages), 100):
            rows = [message_of(caller.tenant, event) for event in messages[start : start + 100]]
            shown = await show_messages(
                rows,
                self._shared.sealers.of(caller.tenant),
                kit_of(self._socket).texts,
                caller.language,
            )
            for message in shown:
                await self._send(frames.shown(message))
                self._sent = message.number

    async def _send(self, frame: BaseModel | dict[str, object]) -> None:
        text = (
            frame.model_dump_json()
            if isinstance(frame, BaseModel)
            else msgspec.json.encode(frame, enc_hook=str).decode()
        )
        try:
            async with asyncio.timeout(self._terms.send_within):
                await self._socket.send_text(text)
        except TimeoutError:
            raise Hangup(SLOW, "SLOW_CONSUMER") from None
        self._told_at = time.monotonic()

    def _problem(
        self, refusal: Exception, client_message_id: UUID | None = None
    ) -> dict[str, object]:
        problem = problem_of(refusal, self._socket, PROBLEMS)
        language, texts = language_of(self._socket), kit_of(self._socket).texts
        about = {} if client_message_id is None else {"client_message_id": client_message_id}
        return {"kind": "problem", **problem_document(problem, texts, language), **about}

    def _state_frame(self) -> frames.State:
        known = expect_known(self._state)
        return frames.State(
            status=known.status,
            planned_start=known.details.planned_start,
            planned_end=known.details.planned_end,
        )

    # Presence and time

    async def _arrive(self) -> None:
        """The patient waits, or the doctor continues; also when another process believed them away."""
        caller, participants = self._caller.later(), self._participants
        command: AdmitPatient | ResumeConsultation
        if self._side is AuthorRole.DOCTOR:
            command = ResumeConsultation(
                consultation_id=participants.consultation_id,
                clinician_id=participants.clinician_id,
                now=caller.now,
            )
        else:
            command = AdmitPatient(consultation_id=participants.consultation_id, now=caller.now)
        await self._command(caller, command)

    async def _leave(self) -> None:
        caller, participants = self._caller.later(), self._participants
        command = LeaveRoom(
            consultation_id=participants.consultation_id,
            side=self._side,
            now=caller.now,
        )
        await self._command(caller, command)

    async def _command(
        self, caller: Caller, command: AdmitPatient | ResumeConsultation | LeaveRoom
    ) -> None:
        subject = str(self._participants.patient_id)
        context = caller.context(subject=subject, key=f"live:{new_id()}")
        await self._shared.room.consultations.handle(
            command, key=self._participants.consultation_id, context=context
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._terms.tick)
            if self._lost is not None:
                raise self._lost
            self._check_token()
            await self._check_session()
            now = time.monotonic()
            if self._ended_at is not None and now - self._ended_at > self._terms.closing_within:
                raise Hangup(NORMAL, "CONSULTATION_CLOSED")
            if now - self._heard_at > self._terms.silent_after:
                raise Hangup(SILENT, "SILENT")
            if now - self._told_at > self._terms.heartbeat_every:
                self._tell(frames.Heartbeat())

    def _check_token(self) -> None:
        left = self._caller.token_expires_at - self._caller.later().now
        if left <= timedelta(0):
            raise Hangup(TOKEN_EXPIRED, "TOKEN_EXPIRED")
        if left <= timedelta(seconds=self._terms.token_warning) and not self._token_wanted:
            self._token_wanted = True
            self._tell(frames.TokenWanted(expires_at=self._caller.token_expires_at))

    async def _check_session(self) -> None:
        """Who signed out, here or elsewhere, hears nothing more (IDN-27)."""
        session_id = self._caller.session_id
        with suppress(Unavailable):  # while nobody can know, the end of the token bounds it
            if session_id is not None and await kit_of(self._socket).guard.has_ended(session_id):
                raise Hangup(SESSION_ENDED, "SESSION_ENDED")


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, which raises what it raised; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _close(socket: WebSocket, end: Hangup) -> None:
    if socket.client_state is WebSocketState.CONNECTED:
        with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await socket.close(end.code, end.reason)
