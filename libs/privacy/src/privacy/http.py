"""The keyring of services other than identity: a client of identity's internal key route.

`POST {identity}/internal/keys/{subject}` with the body `{"tenant": "..."}` and a service token
answers 200 with `{"key": "<base64url>"}`, or 410 when the subject is erased.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from random import SystemRandom
from uuid import UUID

import httpx
import msgspec

from privacy.errors import KeyUnavailable, SubjectErased
from privacy.keyring import DATA_KEY_BYTES
from vocabulary.ids import TenantId

_random = SystemRandom()


class KeyRequest(msgspec.Struct, frozen=True):
    """The body of a request for a key."""

    tenant: TenantId


class KeyAnswer(msgspec.Struct, frozen=True):
    """The body of an answer: the data key in URL-safe base64."""

    key: str

    @classmethod
    def of(cls, data_key: bytes) -> "KeyAnswer":
        """The answer that carries `data_key`."""
        return cls(key=base64.urlsafe_b64encode(data_key).decode())

    def data_key(self) -> bytes:
        """The key; raises `KeyUnavailable` when it is not 64 bytes of base64."""
        try:
            key = base64.urlsafe_b64decode(self.key)
        except (binascii.Error, ValueError) as wrong:
            raise KeyUnavailable("identity answered with something else than a key") from wrong
        if len(key) != DATA_KEY_BYTES:
            raise KeyUnavailable("identity answered with a key of another length")
        return key


class HttpKeyring:
    """Asks identity for keys; keeps none itself, the `Sealers` do, for a bounded time."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        identity_url: str,
        service_token: Callable[[], Awaitable[str]],
        attempts: int = 3,
        timeout_seconds: float = 2.0,
        pause_seconds: float = 0.1,
    ) -> None:
        self._client = client
        self._keys_url = f"{identity_url.rstrip('/')}/internal/keys"
        self._service_token = service_token
        self._attempts = attempts
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds

    async def data_key(self, tenant: TenantId, subject: UUID) -> bytes:
        """See `Keyring`; time-outs, lost connections, 429 and 5xx are tried again a few times."""
        body = msgspec.json.encode(KeyRequest(tenant=tenant))
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(self._pause_seconds * 2**attempt * _random.uniform(0.5, 1))
            try:
                answer = await self._ask(subject, body)
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.OK:
                return _decode(answer)
            if answer.status_code == httpx.codes.GONE:
                raise SubjectErased(subject)
            if answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise KeyUnavailable(f"identity refuses to give a key: {answer.status_code}")
        raise KeyUnavailable(f"identity gave no key in {self._attempts} attempts")

    async def _ask(self, subject: UUID, body: bytes) -> httpx.Response:
        return await self._client.post(
            f"{self._keys_url}/{subject}",
            content=body,
            headers={
                "authorization": f"Bearer {await self._service_token()}",
                "content-type": "application/json",
            },
            timeout=self._timeout_seconds,
        )


def _decode(answer: httpx.Response) -> bytes:
    try:
        return msgspec.json.decode(answer.content, type=KeyAnswer).data_key()
    except msgspec.DecodeError as wrong:
        raise KeyUnavailable("identity answered with something else than a key") from wrong
