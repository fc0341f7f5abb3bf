"""Live channels: a WebSocket of a client is joined to one of the service that owns the path.

The service asks for the token in the first frame and decides; the gateway passes frames and closes both ends when
one ends.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.adapters.upstream import Upstream
from gateway.api.door import passed_on
from gateway.routing import RoutingTable
from service_kit.errors import Unavailable

__all__ = ["LiveDoor"]

_TRY_LATER = 1013
_NOT_HERE = 1008
_NEVER_SENT = frozenset({1004, 1005, 1006, 1015})
_OWN_TO_THE_HANDSHAKE = frozenset(
    {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDoor:
    """Joins clients to services."""

    table: RoutingTable
    upstream: Upstream

    async def join(self, client: WebSocket) -> None:
        """Serve one connection until either side ends it."""
        route = self.table.find_live(client.scope["path"])
        if route is None:
            await client.close(_NOT_HERE, "NOT_FOUND")
            return
        client.scope["route"] = route
        headers = [header for header in passed_on(client) if header[0] not in _OWN_TO_THE_HANDSHAKE]
        try:
            async with self.upstream.live(route.service, client.url.path, headers) as service:
                await client.accept()
                await _first_of(_frames_in(client, service), _frames_out(service, client))
        except Unavailable:
            await client.accept()
            await client.close(_TRY_LATER, "UNAVAILABLE")


async def _first_of(*ways: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _frames_in(client: WebSocket, service: aiohttp.ClientWebSocketResponse) -> None:
    try:
        while True:
            await service.send_str(await client.receive_text())
    except (WebSocketDisconnect, KeyError, ConnectionError):
        await service.close()


async def _frames_out(service: aiohttp.ClientWebSocketResponse, client: WebSocket) -> None:
    # A client may be gone before it is told of anything.
    with suppress(WebSocketDisconnect):
        async for frame in service:
            if frame.type is aiohttp.WSMsgType.TEXT:
                await client.send_text(frame.data)
        await client.close(_passed_on(service.close_code))


def _passed_on(close_code: int | None) -> int:
    """RFC 6455, 7.4.1: some codes only say what an end has seen; here, that the service is gone."""
    if close_code is None:
        return 1000
    return _TRY_LATER if close_code in _NEVER_SENT else close_code
