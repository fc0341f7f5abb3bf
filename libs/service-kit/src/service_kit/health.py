"""Health: alive as long as the loop answers, ready when every required check passes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

__all__ = ["Check", "Health", "Report", "health_routes"]

Check = Callable[[], Awaitable[None]]
"""Returns when well; raises, or takes longer than two seconds, when not."""

_PATIENCE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of all checks: the type of what each raised, never its message."""

    status: Literal["ready", "degraded", "unready"]
    checks: dict[str, str]


@dataclass(slots=True)
class Health:
    """Named checks of one process."""

    _checks: dict[str, tuple[Check, bool]] = field(default_factory=dict)

    def add(self, name: str, check: Check, *, required: bool = True) -> None:
        """Watch `name`; a failing check that is not required only degrades (OPS-16)."""
        if name in self._checks:
            raise ValueError(f"there is a check {name} already")
        self._checks[name] = (check, required)

    async def report(self) -> Report:
        """Run all checks at once."""
        names = list(self._checks)
        outcomes = await asyncio.gather(*(_ask(self._checks[name][0]) for name in names))
        found = dict(zip(names, outcomes, strict=True))
        failed = [name for name, outcome in found.items() if outcome != "ok"]
        if any(self._checks[name][1] for name in failed):
            return Report("unready", found)
        return Report("degraded" if failed else "ready", found)


async def _ask(check: Check) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await check()
    except Exception as failure:  # noqa: BLE001 - whatever a check raises is its answer
        return type(failure).__name__
    return "ok"


def health_routes(health: Health) -> list[Route]:
    """`/livez` and `/readyz`."""

    async def livez(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> JSONResponse:
        report = await health.report()
        status = 503 if report.status == "unready" else 200
        return JSONResponse({"status": report.status, "checks": report.checks}, status)

    return [Route("/livez", livez), Route("/readyz", readyz)]
