"""What anybody would write first, as a floor: FastAPI, a pydantic body, one insert with asyncpg.

`python bare.py PORT DATABASE`
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from service_kit.ids import new_id

TABLE = """
    CREATE TABLE appointments (
        id uuid PRIMARY KEY, clinician_id uuid NOT NULL, starts_at timestamptz NOT NULL,
        kind text NOT NULL, service_id uuid NOT NULL
    )
"""
INSERT = "INSERT INTO appointments VALUES ($1, $2, $3, $4, $5)"
SELECT = "SELECT * FROM appointments WHERE id = $1"


class Wish(BaseModel):
    clinician_id: UUID
    starts_at: datetime
    kind: Literal["ONLINE", "CLINIC"]
    service_id: UUID
    confirmed: bool


class Appointment(Wish):
    appointment_id: UUID


def build(database: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database, min_size=10, max_size=20) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/appointments", status_code=201)
    async def reserve(wish: Wish) -> Appointment:
        made = Appointment(appointment_id=new_id(), **dict(wish))
        await app.state.pool.execute(
            INSERT,
            made.appointment_id,
            *(made.clinician_id, made.starts_at, made.kind, made.service_id),
        )
        return made

    return app


if __name__ == "__main__":
    uvicorn.run(
        build(sys.argv[2]), port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False
    )
