"""The run loop of a service: `python -m booking api|worker|all|migrate`, stopped by SIGTERM or Ctrl-C."""

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp
from typing_extensions import override

from service_kit.clock import SystemClock
from service_kit.errors import ConfigurationError, Unavailable
from service_kit.health import health_routes
from service_kit.kit import Kit
from service_kit.logging import set_up_logging
from service_kit.metrics import metrics_route
from service_kit.settings import ProcessSettings, load_settings
from service_kit.supervisor import Supervisor, Task
from service_kit.texts import Texts
from service_kit.tokens import PublishedKeys, TokenVerifier
from service_kit.tracing import set_up_tracing

__all__ = ["Parts", "describing_kit", "run", "service_texts"]

# Longer than any caller of ours keeps one (30 seconds): who hangs up second never meets a request on its way.
_IDLE_CONNECTION_SECONDS = 75
_log = structlog.get_logger()
S = TypeVar("S", bound=ProcessSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a service is made of once its resources are open."""

    api: ASGIApp
    tasks: Mapping[str, Task] = field(default_factory=dict)


Opener = Callable[[S, Kit], AbstractAsyncContextManager[Parts]]
"""Opens resources, builds the parts, and closes the resources in reverse when its block ends."""


def run(
    service: str, settings_type: type[S], opener: Opener[S], argv: Sequence[str] | None = None
) -> None:
    """Parse the command line, read the settings, run until told to stop.

    `api` serves HTTP, `worker` runs the tasks and serves health and metrics, `all` does both in one process. Every
    one of them brings its schema up to this version first; `migrate` does only that and ends, for who wants it done
    before the first of many starts. Exits with 2 when the command line or the settings are wrong, with 1 when the
    service cannot start.
    """
    role = _role(service, argv)
    settings = load_settings(settings_type)
    set_up_logging(service, level=settings.log_level)
    # Events make no cycles; with the default threshold the collector takes a third of a reader's time.
    gc.set_threshold(50_000, 20, 50)
    end_tracing = set_up_tracing(
        service, endpoint=settings.otlp_endpoint, ratio=settings.trace_ratio
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if role == "migrate":
                runner.run(_migrate(service, settings, opener))
            else:
                runner.run(_run(service, role, settings, opener))
    except ConfigurationError as wrong:
        sys.stderr.write(
            f"Cannot start {service}:\n" + "".join(f"  {line}\n" for line in wrong.findings)
        )
        raise SystemExit(1) from None
    finally:
        end_tracing()


def describing_kit(service: str) -> Kit:
    """A kit that opens nothing, for building an application only to describe it."""
    clock = SystemClock()

    async def unreachable() -> dict[str, object]:
        raise Unavailable("identity")

    return Kit(
        service=service,
        clock=clock,
        texts=service_texts(service.replace("-", "_")),
        tokens=TokenVerifier(service=service, keys=PublishedKeys(unreachable), clock=clock),
    )


def service_texts(package: str) -> Texts:
    """The kit's texts and, where the package has a folder `texts`, its own."""
    texts = Texts.load("service_kit")
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or []
    if any((Path(folder) / "texts").is_dir() for folder in folders):
        texts |= Texts.load(package)
    return texts


def _role(service: str, argv: Sequence[str] | None) -> str:
    parser = argparse.ArgumentParser(prog=f"python -m {service.replace('-', '_')}")
    parser.add_argument(
        "role",
        choices=("api", "worker", "all", "migrate"),
        help="api: serve HTTP; worker: views, timers, processes, bus; all: both in one process; "
        "migrate: bring the schema up to this version and end",
    )
    return str(parser.parse_args(argv).role)


async def _migrate(service: str, settings: S, opener: Opener[S]) -> None:
    async with _open_kit(service, settings) as kit, opener(settings, kit):
        _log.info("service.migrated")


async def _run(service: str, role: str, settings: S, opener: Opener[S]) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    listener = _listen(settings.host, settings.port)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        kit = await stack.enter_async_context(_open_kit(service, settings))
        parts = await stack.enter_async_context(opener(settings, kit))
        supervisor = Supervisor(parts.tasks if role != "api" else {}, kit.health)
        supervisor.start()
        server = _server(parts.api if role != "worker" else _health_only(kit), settings)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        _log.info("service.started", role=role, port=listener.getsockname()[1])
        await asyncio.wait(
            [serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        _log.info("service.stopping", role=role)
        server.should_exit = True
        await serving
        await supervisor.stop(within=settings.drain_seconds)
    _log.info("service.stopped", role=role)


@contextlib.asynccontextmanager
async def _open_kit(service: str, settings: ProcessSettings) -> AsyncIterator[Kit]:
    clock = SystemClock(settings.clock_file)
    async with httpx.AsyncClient(timeout=5.0) as client:
        yield Kit(
            service=service,
            clock=clock,
            texts=service_texts(service.replace("-", "_")),
            tokens=TokenVerifier(
                service=service, keys=PublishedKeys.of(client, settings.identity_url), clock=clock
            ),
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as taken:
        raise ConfigurationError(f"{host}:{port}: {taken.strerror}") from taken


def _health_only(kit: Kit) -> ASGIApp:
    return Starlette(routes=[*health_routes(kit.health), metrics_route()])


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the run loop decides the order of stopping."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _is_news(record: logging.LogRecord) -> bool:
    """uvicorn calls a WebSocket that was refused with an HTTP answer an error of the application."""
    return record.msg != "ASGI callable returned without completing handshake."


def _server(app: ASGIApp, settings: ProcessSettings) -> _Server:
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_CONNECTION_SECONDS,
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        )
    )
