"""A worker that a test kills: a relay, a consumer whose effect is elsewhere, and one whose effect is rows."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from event_store import Codec
from event_store.postgres import PostgresEventStore, open_pool
from messaging import Cause, Envelope, Relay, Terms, batch_consumer, bus_consumer
from messaging.postgres import PostgresBus, PostgresInbox
from messaging.testing import TOPIC, Counted, NowClock

CODEC: Codec[Any] = Codec({Counted: "Counted.v1"})
PATIENT = Terms(attempts=1000, batch=20, redrive_every=timedelta(milliseconds=20))


def public(event: Counted, _: Envelope) -> Counted:
    return event


async def on_counted(event: Counted, cause: Cause, pool: Any) -> None:  # Any: an asyncpg pool
    await pool.execute(
        "INSERT INTO effect (key, position) VALUES ($1, $2)",
        cause.envelope.key,
        cause.envelope.position,
    )


async def apply(connection: Any, envelopes: Sequence[Envelope]) -> None:  # Any: see Apply
    await connection.executemany(
        "INSERT INTO written (key, position) VALUES ($1, $2)",
        [(each.key, each.position) for each in envelopes],
    )


async def main(url: str) -> None:
    async with await open_pool(url) as pool, asyncio.TaskGroup() as tasks:
        store, inbox = await PostgresEventStore.open(pool), await PostgresInbox.open(pool)
        bus = await PostgresBus.open(pool)
        relay = Relay(
            service="booking",
            store=store,
            codec=CODEC,
            publish=public,
            bus=bus,
            topic=TOPIC,
            inbox=inbox,
            terms=PATIENT,
        )
        effects = bus_consumer(
            service="billing",
            topic=TOPIC,
            handlers={Counted: on_counted},
            app=pool,
            bus=bus,
            inbox=inbox,
            clock=NowClock(),
            retryable=(asyncpg.PostgresError,),
            terms=PATIENT,
        )
        rows = batch_consumer(
            name="directory",
            topic=TOPIC,
            types={"Counted.v1"},
            apply=apply,
            bus=bus,
            inbox=inbox,
            terms=PATIENT,
        )
        for runnable in (relay, effects, rows):
            tasks.create_task(runnable.run())
        print("working", flush=True)  # noqa: T201 - the test waits for it


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
