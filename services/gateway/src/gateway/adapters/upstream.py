"""The way to the services: pooled HTTP connections that stream both ways, and WebSockets."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from service_kit.errors import Unavailable

__all__ = ["HOP_BY_HOP", "Upstream"]

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to one connection (RFC 9110, 7.6.1), and the length that is counted anew."""


class Upstream:
    """All services, by name."""

    def __init__(self, session: aiohttp.ClientSession, addresses: Mapping[str, str]) -> None:
        self._session = session
        self._addresses = {name: address.rstrip("/") for name, address in addresses.items()}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, addresses: Mapping[str, str], *, answer_seconds: float
    ) -> AsyncIterator["Upstream"]:
        """Connections for the length of a block."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=256, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=answer_seconds),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as session:
            yield cls(session, addresses)

    async def ask(
        self,
        service: str,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None,
    ) -> aiohttp.ClientResponse:
        """One request, whose answer the caller releases; raises Unavailable when none begins in time."""
        url = URL(self._addresses[service] + path, encoded=True)
        try:
            return await self._session.request(
                method, url, headers=CIMultiDict(headers), data=body, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise Unavailable(service) from failure

    @asynccontextmanager
    async def live(
        self, service: str, path: str, headers: Sequence[tuple[str, str]]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket to a service; raises Unavailable when it cannot be opened."""
        url = URL(self._addresses[service] + path, encoded=True)
        try:
            socket = await self._session.ws_connect(
                url, headers=CIMultiDict(headers), heartbeat=20, max_msg_size=1 << 20
            )
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise Unavailable(service) from failure
        async with socket:
            yield socket
