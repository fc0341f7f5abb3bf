"""Composition root of ops."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import asyncpg
from fastapi import FastAPI

from event_store.opening import open_store
from ops.api.access import ACCESS
from ops.api.audit import router
from ops.api.problems import PROBLEMS
from ops.settings import OpsSettings
from ops.trail import Trail, follow
from service_kit.app import create_app
from service_kit.database import migrate, open_pool
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.settings import naming

__all__ = ["describe", "open_ops"]


def build_api(kit: Kit, trail: Trail | None) -> FastAPI:
    """The HTTP application."""
    return create_app(
        kit, routers=[router], access=ACCESS, problems=PROBLEMS, state={"trail": trail}
    )


def describe() -> FastAPI:
    """The application without any resource, for its documents."""
    return build_api(describing_kit("ops"), None)


@asynccontextmanager
async def open_ops(settings: OpsSettings, kit: Kit) -> AsyncIterator[Parts]:
    """Open the own database and, for reading, the stores of all services."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(settings.database_url, application_name="ops")
        )
        kit.health.add("database", lambda: _ask(pool))
        await migrate(pool, "ops")
        tasks = {}
        for service, url in settings.service_databases.items():
            source = await stack.enter_async_context(
                open_pool(url, application_name="ops-audit", max_size=3)
            )
            with naming(settings, "store_url"):
                store = await stack.enter_async_context(
                    open_store(settings.store_address, service=service, pool=source)
                )
            tasks[f"audit_{service}"] = partial(follow, service, store, pool)
        yield Parts(api=build_api(kit, Trail(pool)), tasks=tasks)


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")
