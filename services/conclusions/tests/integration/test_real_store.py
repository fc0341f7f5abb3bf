"""The whole flow on PostgreSQL, with a time-stamp authority over real HTTP, and a worker that dies."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvicorn

from conclusions.bootstrap import CODEC
from conclusions.domain.conclusion.events import ConclusionSigned
from event_store.postgres import PostgresEventStore
from sandbox.certificate_authority.bootstrap import build as build_authority
from service_kit.testing import FixedClock

pytestmark = pytest.mark.integration

Tool = Callable[..., str]


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address at which the app is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.mark.requirement("CON-24", "CON-26", "CON-27", "CON-46")
async def test_a_time_stamped_signature_on_postgres_is_valid_for_poppler(
    database: str, tmp_path: Path, tool: Tool, open_service: Any
) -> None:
    clock = FixedClock()
    stamping = build_authority(folder=tmp_path / "ca", clock=clock.now, public_url="http://ca.test")
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=4) as pool,
        served(stamping) as url,
    ):
        store = await PostgresEventStore.open(pool)
        async with open_service(
            database, tmp_path, clock=clock, store=store, timestamp_url=f"{url}/tsa"
        ) as service:
            shown = await service.publish(await service.complete())
            assert shown["status"] == "PUBLISHED"
            document = await service.call(
                "GET", f"/conclusions/{shown['conclusion_id']}/document", "patient"
            )
            events = [CODEC.decode(event) for event in await service.events()]
        await store.close()
    [signed] = [event for event in events if isinstance(event, ConclusionSigned)]
    assert signed.signature.timestamped_at == clock.now().replace(microsecond=0)
    judged = tool("pdfsig", document.content)
    assert "Signature is Valid." in judged
    assert "Total document signed" in judged
    flipped = bytearray(document.content)
    flipped[len(flipped) // 4] ^= 1
    assert "Signature is Valid." not in tool("pdfsig", bytes(flipped))


@pytest.mark.requirement("CON-28")
async def test_without_the_time_stamp_authority_nothing_is_signed_until_it_is_back(
    database: str, tmp_path: Path, open_service: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with open_service(
        database, tmp_path, timestamp_url=f"http://127.0.0.1:{port}/tsa"
    ) as service:
        consultation_id = await service.complete()
        shown = await service.publish(consultation_id)
        assert shown["failure"]["reason"] == "TIMESTAMP_UNAVAILABLE"
        assert shown["published_at"] is None
        service.clock.advance(timedelta(minutes=1))
        assert await service.fire() == 1
        assert (await service.status(consultation_id))["failure"]["attempt"] == 2


async def test_a_worker_that_dies_behind_the_stored_file_signs_once(
    database: str, tmp_path: Path, open_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is stored, the fact is not: the next worker makes another signature, and one of them counts."""
    async with open_service(database, tmp_path) as service:
        consultation_id = await service.complete()
        documents = type(service.conclusions.documents)
        keep = documents.keep
        deaths: list[object] = []

        async def die_once(*args: Any) -> Any:
            stored = await keep(*args)
            if not deaths:
                deaths.append(stored)
                raise asyncio.CancelledError
            return stored

        attached = await service.attach(consultation_id)
        assert attached.status_code == 200
        monkeypatch.setattr(documents, "keep", die_once)
        process = service.stage.flows["process_signing"]
        dying = asyncio.ensure_future(process.run())
        await asyncio.wait([dying], timeout=5)
        dying.cancel()
        await asyncio.wait([dying])
        assert len(deaths) == 1
        await service.settle()
        assert (await service.status(consultation_id))["status"] == "PUBLISHED"
        assert (await service.types()).count("ConclusionSigned.v1") == 1
