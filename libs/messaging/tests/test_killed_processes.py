import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg
import pytest

from event_store import NewEvent, StreamName
from event_store.codec import encode_metadata
from event_store.postgres import PostgresEventStore, open_pool
from messaging import Envelope, open_bus
from messaging.postgres import PostgresInbox
from messaging.testing import TOPIC, envelope, told, until

pytestmark = pytest.mark.integration

WORKER = Path(__file__).with_name("worker.py")
KEYS, EVENTS = 20, 100
TABLES = """
    CREATE TABLE effect (number bigint GENERATED ALWAYS AS IDENTITY, key text, position text);
    CREATE TABLE written (number bigint GENERATED ALWAYS AS IDENTITY, key text, position text);
"""


@pytest.fixture(params=["postgresql", "kafka"])
def bus_url(request: pytest.FixtureRequest, database: str) -> str:
    url: str = database if request.param == "postgresql" else request.getfixturevalue("kafka_url")
    return url


async def start(*arguments: str) -> asyncio.subprocess.Process:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"working\n"
    return worker


async def kill(worker: asyncio.subprocess.Process) -> None:
    worker.kill()
    await worker.wait()


async def append_some(store: PostgresEventStore, revision: int) -> None:
    for key in range(KEYS):
        batch = [
            NewEvent(
                uuid5(UUID(int=key), str(number)),
                "Counted.v1",
                b'{"number":%d}' % number,
                encode_metadata(envelope(1).metadata),
            )
            for number in range(revision, revision + 10)
        ]
        stream = StreamName("counter", "north", str(key))
        await store.append(stream, batch, expected=revision - 1)


@pytest.mark.requirement("OPS-03")
@pytest.mark.timeout(180)
async def test_killed_workers_lose_nothing_and_write_nothing_twice(
    database: str, bus_url: str
) -> None:
    chance = random.Random(4)  # noqa: S311 - not for secrets
    async with (
        await open_pool(database) as pool,
        open_bus(bus_url, client="test", open_pool=asyncpg.create_pool) as bus,
    ):
        await pool.execute(TABLES)
        store = await PostgresEventStore.open(pool)
        inbox = await PostgresInbox.open(pool)
        workers = [await start(database, bus_url)]
        for revision in range(0, EVENTS, 10):
            await append_some(store, revision)
            if revision % 20 == 0:
                workers.append(await start(database, bus_url))
                await asyncio.sleep(chance.uniform(0, 0.2))
                await kill(workers.pop(chance.randrange(len(workers))))

        async def done() -> bool:
            count = "SELECT count(DISTINCT (key, position)) FROM "
            counts = {await pool.fetchval(count + table) for table in ("effect", "written")}
            return counts == {KEYS * EVENTS}

        await until(done, timeout=60)

        async def nothing_parked() -> bool:
            return not await inbox.list_parked()

        await until(nothing_parked, timeout=60)
        for worker in workers:
            await kill(worker)
        stored = {
            str(event.cursor): event.stream
            async for page in store.read_all()
            for event in page.events
        }
        await check(pool, stored, await told(bus, TOPIC, timeout=60))
        await store.close()


async def check(
    pool: "asyncpg.Pool[asyncpg.Record]", stored: dict[str, str], topic: Sequence[Envelope]
) -> None:
    effects = await pool.fetch("SELECT key, position FROM effect ORDER BY number")
    written = await pool.fetch("SELECT key, position FROM written ORDER BY number")
    assert len(written) == len(stored)
    for key in set(stored.values()):
        expected = [position for position, stream in stored.items() if stream == key]
        assert [row["position"] for row in written if row["key"] == key] == expected
        firsts = dict.fromkeys(row["position"] for row in effects if row["key"] == key)
        assert list(firsts) == expected
        assert list(dict.fromkeys(each.position for each in topic if each.key == key)) == expected
