"""A service started as a process by test_kit_run.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends

from service_kit.access import Access, AccessTable, Caller, Ownership
from service_kit.app import create_app
from service_kit.kit import Kit
from service_kit.problems import ProblemTable
from service_kit.run import Parts, run
from service_kit.settings import ServiceSettings

ACCESS = AccessTable(Access("sleep", {"anonymous": Ownership.TENANT}))
log = structlog.get_logger()
router = APIRouter()


class SampleSettings(ServiceSettings, env_prefix="SAMPLE_"):
    colour: str


@router.get("/sleep")
async def sleep(seconds: float, caller: Annotated[Caller, Depends(ACCESS.allow("sleep"))]) -> str:
    """Take a while."""
    await asyncio.sleep(seconds)
    return caller.now.isoformat()


async def crash() -> None:
    await asyncio.sleep(0.05)
    raise ZeroDivisionError("patient@example.org")


async def work() -> None:
    log.info("work.started")
    try:
        await asyncio.Event().wait()
    finally:
        log.info("work.stopped")


@asynccontextmanager
async def open_sample(settings: SampleSettings, kit: Kit) -> AsyncIterator[Parts]:
    log.info("resources.opened", colour=settings.colour)
    yield Parts(
        api=create_app(kit, routers=[router], access=ACCESS, problems=ProblemTable({})),
        tasks={"work": work, "crash": crash},
    )
    log.info("resources.closed")


if __name__ == "__main__":
    run("sample-service", SampleSettings, open_sample)
