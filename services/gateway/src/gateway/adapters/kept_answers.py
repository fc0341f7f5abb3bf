"""First answers for repeated Idempotency-Keys (GW-18), in PostgreSQL.

After draft-ietf-httpapi-idempotency-key-header-07: the same key and request get the first answer, the same key with
another request is refused, a key whose request is under way has to wait. The row is keyed by a hash, the request is
known by a keyed hash, and the answer is encrypted, all under the Idempotency-Key itself, which is not stored: whoever
reads the table learns nothing.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import asyncpg
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from gateway.adapters.gathering import Gathering

__all__ = ["Answer", "InFlight", "KeptAnswers", "Reused", "Ticket"]

_ABANDONED: Final = timedelta(seconds=20)
"""After this long without an answer the gateway that took the request is taken for dead. Longer than a service may
take to begin its answer; carrying a request twice is harmless, since its command id is the same."""
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
    request: bytes
    cipher: AESGCMSIV
    started_at: datetime

    @property
    def repeated(self) -> bytes:
        """The same for this very request under this key, and for no other."""
        return self.id + self.request


@dataclass(frozen=True, slots=True)
class _Wish:
    id: bytes
    request: bytes
    now: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    id: bytes
    answer: bytes
    started_at: datetime


_Row: TypeAlias = "tuple[bytes, bytes | None] | None"
"""Digest of the request and its sealed answer, where the row is another's."""


class KeptAnswers:
    """The table `kept_answers`. What concurrent requests write goes in common statements."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._beginning = Gathering(self._begin_all)
        self._keeping = Gathering(self._keep_all)

    async def begin(self, scope: str, key: str, request: bytes, now: datetime) -> Ticket | Answer:
        """Take the request with digest `request` on, or give the answer that it got before.

        `scope` names tenant and caller. Raises InFlight or Reused.
        """
        secret = hashlib.sha256(f"{scope}\0{key}".encode()).digest()
        ticket = Ticket(
            hashlib.sha256(b"id" + secret).digest(),
            hmac.digest(secret, request, "sha256"),
            AESGCMSIV(hashlib.sha256(b"answer" + secret).digest()),
            now,
        )
        mine, row = await self._beginning.ask(_Wish(ticket.id, ticket.request, now))
        if mine:
            return ticket
        if row is None:
            raise InFlight
        asked, answer = row
        if asked != ticket.request:
            raise Reused
        if answer is None:
            raise InFlight
        return _opened(ticket, answer)

    async def keep(self, ticket: Ticket, answer: Answer) -> None:
        """Keep the answer for repeats."""
        sealed = ticket.cipher.encrypt(_NONCE, msgspec.msgpack.encode(answer), ticket.id)
        await self._keeping.ask(_Kept(ticket.id, sealed, ticket.started_at))

    async def forget(self, ticket: Ticket) -> None:
        """The outcome is unknown or may change: a repeat shall be carried out."""
        await self._pool.execute(_FORGET, ticket.id, ticket.started_at)

    async def prune(self, before: datetime) -> int:
        """Drop what is older; answers the number of rows."""
        return int((await self._pool.execute(_PRUNE, before)).rpartition(" ")[2])

    async def _begin_all(self, wishes: Sequence[_Wish]) -> Sequence[tuple[bool, _Row]]:
        """For each whether it is taken on, and the row that is in its way."""
        begun = await self._pool.fetch(
            _BEGIN,
            [wish.id for wish in wishes],
            [wish.request for wish in wishes],
            [wish.now for wish in wishes],
            _ABANDONED,
        )
        mine = {row["id"] for row in begun}
        others = [wish.id for wish in wishes if wish.id not in mine]
        found = await self._pool.fetch(_LOOK, others) if others else []
        rows = {row["id"]: (row["request"], row["answer"]) for row in found}
        return [(wish.id in mine, rows.get(wish.id)) for wish in wishes]

    async def _keep_all(self, answers: Sequence[_Kept]) -> Sequence[None]:
        await self._pool.execute(
            _KEEP,
            [kept.id for kept in answers],
            [kept.answer for kept in answers],
            [kept.started_at for kept in answers],
        )
        return [None] * len(answers)


def _opened(ticket: Ticket, sealed: bytes) -> Answer:
    try:
        packed = ticket.cipher.decrypt(_NONCE, sealed, ticket.id)
    except InvalidTag as broken:
        raise Reused from broken
    return msgspec.msgpack.decode(packed, type=Answer)


# Rows are locked in the order of their ids, so that two gateways never wait for each other.
_BEGIN: Final = """
INSERT INTO kept_answers AS kept (id, request, started_at)
SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::timestamptz[]) AS wish(id, request, now) ORDER BY id
ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at
    WHERE kept.answer IS NULL AND kept.request = excluded.request
    AND kept.started_at < excluded.started_at - $4::interval
RETURNING id"""
_LOOK: Final = "SELECT id, request, answer FROM kept_answers WHERE id = ANY($1)"
_KEEP: Final = """
WITH locked AS (SELECT id FROM kept_answers WHERE id = ANY($1) ORDER BY id FOR UPDATE)
UPDATE kept_answers AS kept SET answer = done.answer
FROM unnest($1::bytea[], $2::bytea[], $3::timestamptz[]) AS done(id, answer, started_at), locked
WHERE kept.id = done.id AND kept.id = locked.id AND kept.started_at = done.started_at"""
_FORGET: Final = "DELETE FROM kept_answers WHERE id = $1 AND started_at = $2 AND answer IS NULL"
_PRUNE: Final = "DELETE FROM kept_answers WHERE started_at < $1"
