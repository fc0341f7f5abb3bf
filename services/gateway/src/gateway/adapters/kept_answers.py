"""First answers for repeated Idempotency-Keys (GW-18), in PostgreSQL.

After draft-ietf-httpapi-idempotency-key-header-07: the same key and request get the first answer, the same key with
another request is refused, a key whose request is under way has to wait. The row is keyed by a hash, the request is
known by a keyed hash, and the answer is encrypted, all under the Idempotency-Key itself, which is not stored: whoever
reads the table learns nothing.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

__all__ = ["Answer", "InFlight", "KeptAnswers", "Reused", "Ticket"]

_ABANDONED: Final = timedelta(seconds=60)
"""After this long without an answer the gateway that took the request is taken for dead."""
_NONCE: Final = bytes(12)
"""Constant: the key is used for one message only."""


class Answer(msgspec.Struct, frozen=True):
    """What a service answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class InFlight(Exception):
    """The same request is being carried out."""


class Reused(Exception):
    """The key belongs to another request."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to carry out a request and to keep its answer."""

    id: bytes
    cipher: AESGCMSIV
    started_at: datetime


class KeptAnswers:
    """The table `kept_answers`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def begin(self, scope: str, key: str, request: bytes, now: datetime) -> Ticket | Answer:
        """Take the request with digest `request` on, or give the answer that it got before.

        `scope` names tenant and caller. Raises InFlight or Reused.
        """
        secret = hashlib.sha256(f"{scope}\0{key}".encode()).digest()
        ticket = Ticket(
            hashlib.sha256(b"id" + secret).digest(),
            AESGCMSIV(hashlib.sha256(b"answer" + secret).digest()),
            now,
        )
        request = hmac.digest(secret, request, "sha256")
        row = await self._pool.fetchrow(_BEGIN, ticket.id, request, now, now - _ABANDONED)
        if row is None:
            row = await self._pool.fetchrow(_LOOK, ticket.id)
            if row is None:
                raise InFlight
        if row["request"] != request:
            raise Reused
        if row["mine"]:
            return ticket
        if row["answer"] is None:
            raise InFlight
        return _opened(ticket, row["answer"])

    async def keep(self, ticket: Ticket, answer: Answer) -> None:
        """Keep the answer for repeats."""
        sealed = ticket.cipher.encrypt(_NONCE, msgspec.msgpack.encode(answer), ticket.id)
        await self._pool.execute(_KEEP, ticket.id, sealed, ticket.started_at)

    async def forget(self, ticket: Ticket) -> None:
        """The outcome is unknown or may change: a repeat shall be carried out."""
        await self._pool.execute(_FORGET, ticket.id, ticket.started_at)

    async def prune(self, before: datetime) -> int:
        """Drop what is older; answers the number of rows."""
        return int((await self._pool.execute(_PRUNE, before)).rpartition(" ")[2])


def _opened(ticket: Ticket, sealed: bytes) -> Answer:
    try:
        packed = ticket.cipher.decrypt(_NONCE, sealed, ticket.id)
    except InvalidTag as broken:
        raise Reused from broken
    return msgspec.msgpack.decode(packed, type=Answer)


_BEGIN: Final = """
INSERT INTO kept_answers AS kept (id, request, started_at) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at
    WHERE kept.answer IS NULL AND kept.request = excluded.request AND kept.started_at < $4
RETURNING request, answer, true AS mine"""
_LOOK: Final = "SELECT request, answer, false AS mine FROM kept_answers WHERE id = $1"
_KEEP: Final = "UPDATE kept_answers SET answer = $2 WHERE id = $1 AND started_at = $3"
_FORGET: Final = "DELETE FROM kept_answers WHERE id = $1 AND started_at = $2 AND answer IS NULL"
_PRUNE: Final = "DELETE FROM kept_answers WHERE started_at < $1"
