"""In the consultation room: connect, take in work, talk both ways live, share a file, complete."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect

from journeys.person import Person
from service_kit.ids import new_id

__all__ = ["Talk", "find_consultation", "join", "meet"]


async def find_consultation(
    person: Person, appointment_id: str, seconds: float | None = None
) -> dict[str, Any]:
    """The consultation of a reserved online appointment, waited for (ROOM-01)."""
    patience = time.monotonic() + (seconds or person.patience_seconds)
    while time.monotonic() < patience:
        found = await person.get("/api/v1/consultations", appointment_id=appointment_id)
        if found["items"]:
            consultation: dict[str, Any] = found["items"][0]
            return consultation
        await asyncio.sleep(0.1)
    raise AssertionError(f"no consultation for appointment {appointment_id} in time")


@dataclass(slots=True)
class Talk:
    """One side of a live channel: what was heard, and saying something."""

    socket: ClientConnection
    messages: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def last_seen(self) -> int:
        """Where a reconnect goes on."""
        return max((message["number"] for message in self.messages), default=0)

    async def say(
        self, text: str, file_ids: list[str] | None = None, client_message_id: UUID | None = None
    ) -> None:
        """Say something and wait until it is heard in the common order."""
        await self._send(
            kind="say",
            client_message_id=str(client_message_id or new_id()),
            text=text,
            file_ids=file_ids or [],
        )
        await self.heard(lambda message: message.get("text") == text)

    async def heard(self, wanted: Any, seconds: float = 15) -> Any:
        """The first message that fits, waited for."""
        return await self._until(lambda: next(filter(wanted, self.messages), None), seconds)

    async def caught_up(self) -> None:
        """Everything missed has been replayed."""
        await self._until(lambda: next(self._of("caught_up"), None), 15)

    async def ended(self) -> None:
        """The room was closed for both sides."""
        await self._until(lambda: self.closed or None, 15)

    def _of(self, kind: str) -> Any:
        return (frame for frame in self.frames if frame["kind"] == kind)

    async def _until(self, found: Any, seconds: float) -> Any:
        async with asyncio.timeout(seconds):
            while (result := found()) is None:
                if self.closed:
                    raise ConnectionError("the live channel has ended")
                self._news.clear()
                await self._news.wait()
            return result

    async def _send(self, **frame: object) -> None:
        await self.socket.send(json.dumps(frame))

    async def listen(self) -> None:
        """Collect frames until the channel ends."""
        try:
            async for text in self.socket:
                frame = json.loads(text)
                self.frames.append(frame)
                if frame["kind"] == "message":
                    self.messages.append(frame.get("message", frame))
                self._news.set()
        finally:
            self.closed = True
            self._news.set()


@asynccontextmanager
async def join(
    gateway: str, person: Person, consultation_id: str, last_seen: int = 0
) -> AsyncIterator[Talk]:
    """Join the live channel; leaving the block hangs up."""
    url = f"{gateway.replace('http', 'ws', 1)}/api/v1/consultations/{consultation_id}/live"
    async with connect(url, max_size=1 << 22) as socket:
        talk = Talk(socket)
        await talk._send(kind="hello", token=person.token, last_seen=last_seen)  # noqa: SLF001 - same module
        listening = asyncio.create_task(talk.listen())
        try:
            await talk.caught_up()
            yield talk
        finally:
            await socket.close()
            await asyncio.gather(listening, return_exceptions=True)


async def meet(gateway: str, patient: Person, doctor: Person, consultation_id: str) -> None:
    """The patient waits, the doctor takes the consultation in work, both talk, the doctor completes it."""
    await patient.post(f"/api/v1/consultations/{consultation_id}/connection")
    async with join(gateway, patient, consultation_id) as ours:
        await ours.say("Здравствуйте! Третий день кашель и слабость.")
        await doctor.post(f"/api/v1/consultations/{consultation_id}/taking")
        async with join(gateway, doctor, consultation_id) as theirs:
            await theirs.say("Добрый день! Измеряли ли вы температуру?")
            await ours.heard(lambda message: message.get("author") == "DOCTOR")
            await ours.say("Да, вечером 37,8.")
            await doctor.post(f"/api/v1/consultations/{consultation_id}/completion")
            await asyncio.gather(ours.ended(), theirs.ended())
