"""Where the events of one service end, in a log that is mostly of others."""

import asyncio

import kurrentdbclient as kurrent

from event_store.kurrent.connection import head, newest, next_behind
from event_store.records import START, Cursor


class End:
    """The place of a service's last event.

    The server looks at one record after the other until something fits, and no limit of a read bounds that. So the
    first look goes back from the head of the log as far as it must, and each later one takes only what came since.
    """

    def __init__(self, prefixes: list[str]) -> None:
        """`prefixes`: what the names of the service's streams begin with."""
        self._prefixes = prefixes
        self._last = START
        self._seen: int | None = None
        """The commit position up to which `_last` is the last."""
        self._looking = asyncio.Lock()

    async def find(self, client: kurrent.AsyncKurrentDBClient) -> Cursor:
        """The place, START without any event. Whoever asks meanwhile waits, and has less to look at."""
        async with self._looking:
            top = await head(client)
            if self._seen is None or (
                top > self._seen and await next_behind(client, self._prefixes, self._seen)
            ):
                last = await newest(client, self._prefixes)
                if last is not None:
                    self._last = Cursor(last.commit_position, last.prepare_position)
            self._seen = top
            return self._last
