"""Where the running suite is: in `runtime.json`, which the embedded profile writes, or in the settings of ops."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import httpx
import msgspec
import typer
from pydantic import SecretStr, ValidationError

from contracts.topics import TOPICS
from event_store import EventStore, StoreRefused
from event_store.opening import open_store
from ops.settings import OpsSettings
from service_kit.database import open_pool

__all__ = ["SERVICES", "Suite", "fail", "find_suite"]

SERVICES = tuple(topic.producer for topic in TOPICS)
"""Those that keep events of their own."""


class _Process(msgspec.Struct):
    url: str


class _Runtime(msgspec.Struct):
    databases: dict[str, str]
    processes: dict[str, _Process]
    secrets_file: str
    clock_file: str
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """Addresses and secrets of a running suite."""

    databases: Mapping[str, str]
    urls: Mapping[str, str]
    secret: SecretStr
    """What ops proves itself with."""
    clock_file: Path | None
    store: str | None = None
    """Where the events are when they are not in the services' databases: a `kurrentdb://` address."""

    @asynccontextmanager
    async def pool(self, service: str) -> AsyncIterator[asyncpg.Pool]:
        """The database of one service."""
        async with open_pool(
            self.databases[service], application_name="kabinet", max_size=4
        ) as pool:
            yield pool

    @asynccontextmanager
    async def stores(
        self, services: Sequence[str] = SERVICES
    ) -> AsyncIterator[dict[str, EventStore]]:
        """The event stores of several services; exits with 1 when they refuse the user of their address."""
        async with AsyncExitStack() as stack:
            pools = {
                service: await stack.enter_async_context(self.pool(service)) for service in services
            }
            try:
                stores: dict[str, EventStore] = {
                    service: await stack.enter_async_context(
                        open_store(self.store, service=service, pool=pool)
                    )
                    for service, pool in pools.items()
                }
            except StoreRefused as refused:
                fail(str(refused), 1)
            yield stores

    async def call(self, service: str, method: str, path: str, **options: Any) -> Any:
        """An internal route of a service, as ops; exits with 2 when it refuses, 1 when it does not answer."""
        if service not in self.urls:
            fail(f"Where {service} is, is not known: OPS_{service.upper()}_URL is not set.", 2)
        headers = options.pop("headers", {}) | {
            "Authorization": f"Bearer {await self.token(service)}"
        }
        answer = await _asked(
            service, method, f"{self.urls[service]}{path}", headers=headers, **options
        )
        return answer.json() if answer.content else None

    async def token(self, audience: str) -> str:
        """A service token of ops for `audience`."""
        answer = await _asked(
            "identity",
            "POST",
            f"{self.urls['identity']}/internal/service-tokens",
            json={
                "service": "ops",
                "secret": self.secret.get_secret_value(),
                "audience": audience,
            },
        )
        return str(answer.json()["token"])


def find_suite(runtime: Path) -> Suite:
    """Read `runtime.json`; where there is none, as in a container of ops, its settings. Exits with 2 without either."""
    try:
        found = msgspec.json.decode(runtime.read_bytes(), type=_Runtime)
        secrets = json.loads(Path(found.secrets_file).read_text())
    except FileNotFoundError as missing:
        return _of_settings(missing.filename)
    except (OSError, ValueError, KeyError, msgspec.MsgspecError) as wrong:
        fail(f"{runtime} cannot be used: {wrong}", 2)
    return Suite(
        databases=found.databases,
        urls={name: process.url for name, process in found.processes.items()},
        secret=SecretStr(secrets["ops_service_secret"]),
        clock_file=Path(found.clock_file),
        store=found.store,
    )


def _of_settings(missing: str) -> Suite:
    try:
        settings = OpsSettings.model_validate({})
    except ValidationError:
        fail(f"Nothing runs here: {missing} is missing. Start the suite with `make run`.", 2)
    return Suite(
        databases={
            name: url.get_secret_value()
            for name, url in {"ops": settings.database_url, **settings.service_databases}.items()
        },
        urls={
            "identity": settings.identity_url,
            **({"conclusions": settings.conclusions_url} if settings.conclusions_url else {}),
        },
        secret=settings.service_secret,
        clock_file=settings.clock_file,
        store=settings.store_url.get_secret_value() if settings.store_url else None,
    )


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong and leave."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


async def _asked(service: str, method: str, url: str, **options: Any) -> httpx.Response:
    try:
        async with httpx.AsyncClient(timeout=20) as client:
            answer = await client.request(method, url, **options)
    except httpx.HTTPError as failure:
        fail(f"{service} does not answer ({type(failure).__name__}); is the suite running?", 1)
    if answer.is_error:
        fail(_told(answer), 2)
    return answer


def _told(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"refused with {answer.status_code}"
    errors = "".join(
        f"\n  {error['field']}: {error['message']}" for error in problem.get("errors", ())
    )
    return f"{problem.get('title')} ({problem.get('code')}){errors}"
