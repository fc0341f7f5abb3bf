"""Composition root of the gateway."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import asyncpg
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.adapters.altcha import AltchaCaptcha
from gateway.adapters.kept_answers import KeptAnswers
from gateway.adapters.smartcaptcha import YandexSmartCaptcha
from gateway.adapters.upstream import Upstream
from gateway.adapters.used_solutions import UsedSolutions
from gateway.api.description import OWN_DOCUMENT, merged, page
from gateway.api.door import Door, Limits
from gateway.api.live import LiveDoor
from gateway.captcha import Captcha
from gateway.routing import OWN, RoutingTable, load_documents
from gateway.settings import GatewaySettings
from service_kit.database import migrate, open_pool
from service_kit.health import health_routes
from service_kit.http import ProviderClient, ServiceClient, open_service_tokens
from service_kit.kit import Kit
from service_kit.metrics import metrics_route
from service_kit.problems import ProblemTable, install_problems
from service_kit.requests import Network
from service_kit.run import Parts
from service_kit.sessions import PolledSessionGuard
from service_kit.settings import naming
from service_kit.telemetry import Telemetry

__all__ = ["behind", "build_app", "open_captcha", "open_gateway"]

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PRUNE_SECONDS = 600.0
# An answer that a crash of the server loses leads to a repeat, which the owning service knows by its command id.
_NOT_WAITING_FOR_THE_DISK = {"synchronous_commit": "off"}


def build_app(
    kit: Kit, door: Door, live: LiveDoor, document: bytes, *, follows_traces: bool = False
) -> ASGIApp:
    """The application: health and metrics, the description, and one door for everything else."""
    readable = page(document)

    async def describe(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    async def docs(_request: Request) -> Response:
        return HTMLResponse(readable)

    app = Starlette(
        routes=[
            *health_routes(kit.health),
            metrics_route(),
            Route("/api/v1/openapi.json", describe),
            Route("/docs", docs),
            WebSocketRoute("/api/v1/{path:path}", live.join),
            Route("/{path:path}", door.answer, methods=_METHODS),
        ]
    )
    app.state.kit = kit
    install_problems(app, ProblemTable({}))
    app.add_middleware(
        Telemetry,
        service=kit.service,
        body_limits=door.table.body_limits(),
        follows_traces=follows_traces,
    )
    return app


def behind(proxies: Sequence[Network], app: ASGIApp) -> ASGIApp:
    """The application as these proxies' requests reach it: with the address that they had them from."""
    if not proxies:
        return app
    hosts = [str(network) for network in proxies]
    # uvicorn and Starlette describe the same ASGI by types of their own.
    return cast(ASGIApp, ProxyHeadersMiddleware(cast(Any, app), trusted_hosts=hosts))


@asynccontextmanager
async def open_captcha(
    settings: GatewaySettings, used: UsedSolutions
) -> AsyncIterator[Captcha | None]:
    """What strangers have to solve, as the settings choose."""
    if settings.captcha == "altcha":
        yield AltchaCaptcha(
            used,
            settings.captcha_secret,
            difficulty=settings.captcha_difficulty,
            valid=timedelta(minutes=settings.captcha_minutes),
        )
    elif settings.captcha == "smartcaptcha":
        with naming(settings, "captcha_site_key"):
            if not settings.captcha_site_key:
                raise ValueError("SmartCaptcha needs the client key")
        async with ProviderClient.open("smartcaptcha", settings.captcha_url) as provider:
            yield YandexSmartCaptcha(
                used,
                provider,
                server_key=settings.captcha_secret,
                site_key=settings.captcha_site_key,
            )
    else:
        yield None


@asynccontextmanager
async def open_gateway(settings: GatewaySettings, kit: Kit) -> AsyncIterator[Parts]:
    """Open pools and connections, and close them in reverse."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(
                settings.database_url,
                application_name="gateway",
                max_size=20,
                settings=_NOT_WAITING_FOR_THE_DISK,
            )
        )
        # Reads go on without it.
        kit.health.add("database", lambda: _ask(pool), required=False)
        await migrate(pool, "gateway")
        upstream = await stack.enter_async_context(
            Upstream.open(settings.addresses(), answer_seconds=settings.upstream_seconds)
        )
        tokens = await stack.enter_async_context(open_service_tokens(settings, kit))
        identity = await stack.enter_async_context(
            ServiceClient.open(settings.identity_url, audience="identity", tokens=tokens)
        )
        guard = await stack.enter_async_context(
            PolledSessionGuard.open(
                identity, kit.clock, interval_seconds=settings.session_poll_seconds
            )
        )
        kit = dataclasses.replace(kit, guard=guard)
        kit.health.add("sessions", guard.check)
        documents = {**load_documents(), OWN: OWN_DOCUMENT}
        table, answers, used = RoutingTable(documents), KeptAnswers(pool), UsedSolutions(pool)
        captcha = await stack.enter_async_context(open_captcha(settings, used))
        limits = Limits.per_minute(
            MovingWindowRateLimiter(MemoryStorage()),
            reads=settings.anonymous_reads_per_minute,
            writes=settings.anonymous_writes_per_minute,
        )

        async def prune() -> None:
            while True:
                before = kit.clock.now() - timedelta(hours=settings.idempotency_hours)
                await answers.prune(before)
                await used.prune(before)
                await asyncio.sleep(_PRUNE_SECONDS)

        door = Door(
            kit=kit,
            table=table,
            upstream=upstream,
            answers=answers,
            limits=limits,
            captcha=captcha,
            signed_out=guard.end,
        )
        live = LiveDoor(table=table, upstream=upstream)
        app = build_app(kit, door, live, merged(documents), follows_traces=settings.follows_traces)
        yield Parts(api=behind(settings.trusted_proxies, app), tasks={"prune_answers": prune})


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")
