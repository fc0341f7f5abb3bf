"""What a bus delivers and nobody can read is kept aside with every byte, and everything else goes on."""

from base64 import b64decode
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from messaging import Cause, Terms, bus_consumer
from messaging.envelope import MALFORMED, from_headers, kept_aside, to_headers
from messaging.memory import MemoryInbox
from messaging.postgres import PostgresBus, PostgresInbox
from messaging.testing import (
    TOPIC,
    Counted,
    NowClock,
    QuietWatch,
    envelopes,
    running,
    until,
)

QUICK = Terms(
    attempts=2,
    first_delay=timedelta(milliseconds=5),
    longest_delay=timedelta(milliseconds=10),
    redrive_every=timedelta(milliseconds=10),
)


def test_every_byte_is_kept_and_can_be_parked_like_any_event() -> None:
    raw = [("ce_time", b"\xffnow")]
    aside = kept_aside("booking.events-0-7", raw, b"\x00\xff")
    kept = msgspec.json.decode(aside.data)
    assert b64decode(kept["data"]) == b"\x00\xff"
    assert [(name, b64decode(value)) for name, value in kept["headers"]] == raw
    assert from_headers(to_headers(aside), aside.data) == aside
    assert kept_aside("booking.events-0-7", raw, b"").id == aside.id


@pytest.mark.integration
@pytest.mark.requirement("OPS-07")
@pytest.mark.parametrize("headers", ['{"ce_specversion": "1.0"}', "[1]", '{"ce_time": 7}'])
@pytest.mark.parametrize("in_postgres", [True, False])
async def test_others_go_on_and_it_is_quarantined(
    database: str, headers: str, *, in_postgres: bool
) -> None:
    heard = list[int]()

    async def on_counted(event: Counted, _cause: Cause, _app: object) -> None:
        heard.append(event.number)

    async with asyncpg.create_pool(database, min_size=1) as pool:
        bus = await PostgresBus.open(pool)
        inbox: Any = await PostgresInbox.open(pool) if in_postgres else MemoryInbox()
        watch = QuietWatch()
        consumer = bus_consumer(
            service="billing",
            topic=TOPIC,
            handlers={Counted: on_counted},
            app=None,
            bus=bus,
            inbox=inbox,
            clock=NowClock(),
            watch=watch,
            terms=QUICK,
        )
        sent = envelopes(8)
        await bus.publish(TOPIC, sent[:4])
        spoiled = await pool.execute(
            "UPDATE bus.log SET headers = $1::text::json, data = $2 WHERE headers->>'ce_id' = $3",
            headers,
            b"\xff raw",
            str(sent[1].id),
        )
        assert spoiled == "UPDATE 1"
        await bus.publish(TOPIC, sent[4:])
        async with running(consumer):

            async def quarantined() -> bool:
                parked = await inbox.list_parked()
                return len(heard) == 7 and bool(parked) and parked[0].retry_at is None

            await until(quarantined)
        (parked,) = await inbox.list_parked()
        (aside,) = await inbox.parked_envelopes(parked.flow.consumer, parked.key)
        assert aside.type == MALFORMED
        assert b64decode(msgspec.json.decode(aside.data)["data"]) == b"\xff raw"
        await bus.close()
