"""In the consultation room: connect, take in work, talk both ways live, share a file, complete."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from journeys.person import Person
from service_kit.ids import new_id

__all__ = ["Talk", "find_consultation", "join"]


async def find_consultation(
    person: Person, appointment_id: str, seconds: float = 30
) -> dict[str, Any]:
    """The consultation of a reserved online appointment, waited for (ROOM-01)."""
    patience = time.monotonic() + seconds
    while time.monotonic() < patience:
        found = await person.get("/api/v1/consultations", appointment_id=appointment_id)
        if found["items"]:
            consultation: dict[str, Any] = found["items"][0]
            return consultation
        await asyncio.sleep(0.1)
    raise AssertionError(f"no consultation for appointment {appointment_id} within {seconds} s")


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

    async def say(self, text: str, file_ids: list[str] | None = None) -> None:
        """Say something and wait until it is heard in the common order."""
        client_message_id = str(new_id())
        await self._send(
            kind="say", client_message_id=client_message_id, text=text, file_ids=file_ids or []
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
                self._news.clear()
                await self._news.wait()
            return result

    async def _send(self, **frame: object) -> None:
        await self.socket.send(json.dumps(frame))

    async def listen(self) -> None:
        """Collect frames until the channel ends."""
        async for text in self.socket:
            frame = json.loads(text)
            self.frames.append(frame)
            if frame["kind"] == "message":
                self.messages.append(frame.get("message", frame))
            self._news.set()
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
