"""Which captchas are used up, in PostgreSQL, so that all gateways agree.

A solution belongs to the request that used it first: repeated under its Idempotency-Key after a lost answer, that
request is let in again.
"""

from datetime import datetime
from typing import Final

import asyncpg

__all__ = ["UsedSolutions"]


class UsedSolutions:
    """The table `used_solutions`. Whoever reads it learns neither who asked nor what for."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def take(self, solution: bytes, by: bytes, expires_at: datetime) -> bool:
        """Use a solution up for the request `by`; False when another one was first."""
        return await self._pool.fetchval(_TAKE, solution, by, expires_at) is not None

    async def user_of(self, solution: bytes) -> bytes | None:
        """The request that used the solution up."""
        user: bytes | None = await self._pool.fetchval(_LOOK, solution)
        return user

    async def prune(self, before: datetime) -> int:
        """Drop what expired earlier, which any gateway must refuse by then; answers the number of rows."""
        return int((await self._pool.execute(_PRUNE, before)).rpartition(" ")[2])


_TAKE: Final = """
INSERT INTO used_solutions AS used (id, used_by, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET used_by = excluded.used_by WHERE used.used_by = excluded.used_by
RETURNING id"""
_LOOK: Final = "SELECT used_by FROM used_solutions WHERE id = $1"
_PRUNE: Final = "DELETE FROM used_solutions WHERE expires_at < $1"
