"""The three twins: the acquirer in process, SMTP and the certificate authority on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from sandbox.acquirer.acquirer import Acquirer, Shop
from sandbox.acquirer.bootstrap import build as build_acquirer
from sandbox.acquirer.notifier import Notifier
from sandbox.certificate_authority.bootstrap import build as build_ca
from sandbox.mail_sink.bootstrap import build as build_mail
from sandbox.testing import Callbacks, Mail, MovableClock, Till, callbacks
from sandbox.web import listen


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def callback_server() -> AsyncIterator[Callbacks]:
    async with callbacks() as taken:
        yield taken


@pytest.fixture
async def acquirer_client(
    tmp_path: Path, clock: MovableClock, callback_server: Callbacks
) -> AsyncIterator[httpx.AsyncClient]:
    app = build_acquirer(
        folder=tmp_path,
        clock=clock,
        shops=[
            Shop(id="clinic", secret="key-1", callback_url=callback_server.url),
            Shop(id="lab", secret="key-2", callback_url=callback_server.url, fiscal=True),
        ],
        public_url="http://acquirer.test",
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://acquirer.test") as client:
        yield client
    app.state.acquirer.ledger.close()


@pytest.fixture
def till(acquirer_client: httpx.AsyncClient) -> Till:
    return Till(acquirer_client, "clinic", "key-1")


@pytest.fixture
def fiscal_till(acquirer_client: httpx.AsyncClient) -> Till:
    return Till(acquirer_client, "lab", "key-2")


@pytest.fixture
async def notifier(acquirer_client: httpx.AsyncClient) -> AsyncIterator[Notifier]:
    transport = acquirer_client._transport
    assert isinstance(transport, httpx.ASGITransport)
    acquirer: Acquirer = transport.app.state.acquirer  # type: ignore[attr-defined] # ours is FastAPI
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Notifier(acquirer, client)


@pytest.fixture
async def mail(tmp_path: Path, clock: MovableClock) -> AsyncIterator[Mail]:
    """A running sink: SMTP on a real socket, HTTP in process."""
    listener = listen("127.0.0.1", 0)
    app = build_mail(folder=tmp_path, clock=clock, smtp_listener=listener, api_id="sms-key")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://mail.test"
        ) as client,
    ):
        yield Mail(client=client, smtp_port=listener.getsockname()[1])


@pytest.fixture
async def ca_server(tmp_path: Path, clock: MovableClock) -> AsyncIterator[str]:
    """A certificate authority on a real socket, as the time-stamp client of pyHanko needs it."""
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = build_ca(folder=tmp_path, clock=clock, public_url=address)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield address
    server.should_exit = True
    await serving


@pytest.fixture
async def ca(ca_server: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=ca_server, trust_env=False) as client:
        yield client
