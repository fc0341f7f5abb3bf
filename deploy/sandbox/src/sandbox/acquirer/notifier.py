"""Delivers notifications until the shop answers 200."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

import httpx
from starlette.concurrency import run_in_threadpool

from sandbox.acquirer.acquirer import Acquirer
from sandbox.acquirer.outbox import Notification

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=24)
ANSWER_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.1
PAGE = 100


class Notifier:
    """Polls for what is due; shops are served side by side, each in its own order."""

    def __init__(self, acquirer: Acquirer, client: httpx.AsyncClient) -> None:
        self._acquirer = acquirer
        self._client = client

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            if not await self.deliver_due():
                await asyncio.sleep(POLL_SECONDS)

    async def deliver_due(self) -> int:
        """Send everything that is due now; how many sendings were tried."""
        due = await run_in_threadpool(self._due)
        by_shop: dict[str, list[Notification]] = defaultdict(list)
        for notification in due:
            by_shop[notification.shop_id].append(notification)
        await asyncio.gather(*(self._deliver_in_order(queue) for queue in by_shop.values()))
        return len(due)

    def _due(self) -> Sequence[Notification]:
        with self._acquirer.reading() as book:
            return book.outbox.due(PAGE)

    async def _deliver_in_order(self, queue: Sequence[Notification]) -> None:
        for notification in queue:
            answer = await self._send(notification)
            await run_in_threadpool(self._record, notification, answer)

    async def _send(self, notification: Notification) -> str:
        """The status that the shop answered, or the name of what went wrong."""
        shop = self._acquirer.shops.get(notification.shop_id)
        if shop is None:
            return "NoSuchShop"
        try:
            response = await self._client.post(
                shop.callback_url,
                content=notification.body,
                headers={"content-type": "application/json"},
                timeout=ANSWER_TIMEOUT_SECONDS,
            )
        except httpx.HTTPError as error:
            return type(error).__name__
        return str(response.status_code)

    def _record(self, notification: Notification, answer: str) -> None:
        now = self._acquirer.clock()
        pause = min(FIRST_PAUSE * 2 ** min(notification.attempts, 20), LONGEST_PAUSE)
        status = "waiting"
        if answer == "200":
            status = "delivered"
        elif now + pause - notification.created_at >= GIVE_UP_AFTER:
            status = "given_up"
        with self._acquirer.ledger.transaction(now) as book:
            book.outbox.record_attempt(notification.sequence, status, answer, due_at=now + pause)
