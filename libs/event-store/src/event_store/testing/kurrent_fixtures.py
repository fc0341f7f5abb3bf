"""Fixtures: a KurrentDB server that is there, one in a container, or else the instrument.

A conftest or a test module imports `real_uri`, `kurrent_uri` and, when it wants stores, `open_kurrent`.
`KURRENTDB_URI=kurrentdb://...` takes the server at that address, whatever else is in it; `KURRENTDB_IMAGE=...` (the
vendor's image, where images can be pulled) starts one for the run. A test that takes `kurrent_uri` runs unchanged on
all three.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import TypeAlias

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from event_store.kurrent import KurrentEventStore
from event_store.testing.kurrent_server import running_instrument

__all__ = ["OpenKurrent", "kurrent_uri", "open_kurrent", "real_uri"]

_PORT = 2113

OpenKurrent: TypeAlias = Callable[..., Awaitable[KurrentEventStore]]
"""A connection string, a service (`surgery`), and other arguments of `KurrentEventStore`."""


class _Servers(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KURRENTDB_")

    uri: str | None = None
    image: str | None = None


@pytest.fixture(scope="session")
def real_uri() -> Iterator[str | None]:
    """The connection string of a real server, None where there is none."""
    servers = _Servers()
    if servers.uri is not None or servers.image is None:
        yield servers.uri
        return
    container = (
        DockerContainer(servers.image)
        .with_env("KURRENTDB_INSECURE", "true")
        .with_exposed_ports(_PORT)
        .waiting_for(HttpWaitStrategy(_PORT, "/health/live").for_status_code(204))
    )
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(_PORT)}"
        yield f"kurrentdb://{address}?tls=false"


@pytest.fixture
async def kurrent_uri(real_uri: str | None) -> AsyncIterator[str]:
    """The connection string of a server for one test; other events may be in it."""
    if real_uri is not None:
        yield real_uri
        return
    async with running_instrument() as instrument:
        yield instrument.uri


@pytest.fixture
async def open_kurrent() -> AsyncIterator[OpenKurrent]:
    """Opens stores that are closed after the test."""
    async with AsyncExitStack() as stores:

        async def open_one(url: str, service: str = "surgery", **terms: float) -> KurrentEventStore:
            store = await KurrentEventStore.open(url, service=service, **terms)
            stores.push_async_callback(store.close)
            return store

        yield open_one
