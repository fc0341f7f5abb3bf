"""Read your writes: waiting until views have come to a position."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from event_store import Cursor
from read_models.checkpoints import places
from read_models.runner import ProjectionRunner
from read_models.view import View

__all__ = ["Views"]

_POLL_SECONDS = 0.005


class Views:
    """How far views have come, for whoever reads them.

    Views that a runner of this process projects are waited for in memory; for others the checkpoints are polled, by
    one task however many wait.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        views: Sequence[View[Any]],
        *,
        runner: ProjectionRunner | None = None,
    ) -> None:
        self._pool, self._runner = pool, runner
        self._views = {view.name: view for view in views}
        self._seen: dict[str, str] = {}
        self._poll: asyncio.Task[None] | None = None

    async def wait_for(
        self, cursor: Cursor | str, timeout: float, names: Collection[str] | None = None
    ) -> bool:
        """Whether the named views (all when left out) have everything up to `cursor`, within `timeout` seconds.

        `cursor` may be a position token's text; one of another store is only ever waited for in vain. Raises
        KeyError for a name that is none.
        """
        views = [self._views[name] for name in (self._views if names is None else names)]
        try:
            async with asyncio.timeout(timeout):
                while self._behind(views, str(cursor)):
                    await self._news(views)
        except TimeoutError:
            return False
        return True

    def _behind(self, views: Sequence[View[Any]], target: str) -> bool:
        if self._runner is not None:
            self._seen |= {
                status.name: str(status.position)
                for status in self._runner.status()
                if status.state == "live"
            }
        return any(target > self._seen.get(view.name, "") for view in views)

    async def _news(self, views: Sequence[View[Any]]) -> None:
        if self._runner is not None:
            here = {status.name for status in self._runner.status() if status.state == "live"}
            if here.issuperset(view.name for view in views):
                await self._runner.moved()
                return
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._ask())
        await asyncio.shield(self._poll)

    async def _ask(self) -> None:
        found = await places(self._pool, list(self._views.values()))
        self._seen = {name: str(place.position) for (name, _), place in found.items()}
        await asyncio.sleep(_POLL_SECONDS)
