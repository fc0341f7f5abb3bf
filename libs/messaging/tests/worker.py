"""A worker that a test kills: a relay, a consumer whose effect is elsewhere, and one whose effect is rows.

python worker.py DATABASE BUS [relay] [effects] [rows]    no names: all three
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast

import asyncpg

from event_store import Codec
from event_store.postgres import PostgresEventStore, open_pool
from messaging import (
    Cause,
    Claim,
    Envelope,
    Inbox,
    Progress,
    Relay,
    Runnable,
    Terms,
    batch_consumer,
    bus_consumer,
    open_bus,
)
from messaging.postgres import PostgresInbox
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


async def begin_to_apply(connection: Any, envelopes: Sequence[Envelope]) -> None:
    await apply(connection, envelopes)
    print("in the middle", flush=True)  # noqa: T201 - the test waits for it
    await asyncio.Event().wait()


class NeverAtItsCheckpoint:
    """An inbox for a relay that is killed behind each acknowledgement."""

    def __init__(self, inbox: PostgresInbox) -> None:
        self._inbox = inbox

    def __getattr__(self, name: str) -> Any:  # Any: whatever the inbox has
        return getattr(self._inbox, name)

    async def settle(self, _claim: Claim, _progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, bus_url: str, *names: str) -> None:
    async with (
        await open_pool(url) as pool,
        open_bus(
            bus_url, client="worker", open_pool=partial(asyncpg.create_pool, min_size=1)
        ) as bus,
        asyncio.TaskGroup() as tasks,
    ):
        store, inbox = await PostgresEventStore.open(pool), await PostgresInbox.open(pool)
        relay = partial(
            Relay,
            service="booking",
            store=store,
            codec=CODEC,
            publish=public,
            bus=bus,
            topic=TOPIC,
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
        rows = partial(
            batch_consumer,
            name="directory",
            topic=TOPIC,
            types={"Counted.v1"},
            bus=bus,
            inbox=inbox,
            terms=PATIENT,
        )
        kinds: dict[str, Callable[[], Runnable]] = {
            "relay": lambda: relay(inbox=inbox),
            "effects": lambda: effects,
            "rows": lambda: rows(apply=apply),
            "dying_relay": lambda: relay(inbox=cast("Inbox", NeverAtItsCheckpoint(inbox))),
            "hanging_rows": lambda: rows(apply=begin_to_apply),
        }
        for name in names or ("relay", "effects", "rows"):
            tasks.create_task(kinds[name]().run())
        print("working", flush=True)  # noqa: T201 - the test waits for it


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
