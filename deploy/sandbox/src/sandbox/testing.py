"""For tests: a clock that stands still, hands of a shop, a mailbox, and a place for callbacks."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
from aiohttp import web

Json = dict[str, object]


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


class Till:
    """A shop and its payer at an acquirer, through HTTP alone."""

    def __init__(self, client: httpx.AsyncClient, shop_id: str, secret: str) -> None:
        """`client` has the acquirer as its base URL."""
        self.client = client
        self.shop_id = shop_id
        self._auth = (shop_id, secret)
        self._keys = count()

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self.client.get(f"/v3{path}", params=query, auth=self._auth)

    async def post(
        self, path: str, body: Json | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """A fresh idempotence key is used unless one is given."""
        return await self.client.post(
            f"/v3{path}",
            json=body,
            auth=self._auth,
            headers={"Idempotence-Key": key or f"till-{next(self._keys)}"},
        )

    async def create(self, value: str = "1500.00", **fields: object) -> str:
        """A payment that is captured at once; its id."""
        answer = await self.post("/payments", payment_request(value, **fields))
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def press_pay(self, payment_id: str) -> httpx.Response:
        return await self._press(payment_id, "confirm")

    async def press_decline(self, payment_id: str, reason: str) -> httpx.Response:
        return await self._press(payment_id, "decline", {"reason": reason})

    async def create_paid(self, value: str = "1500.00", **fields: object) -> str:
        payment_id = await self.create(value, **fields)
        (await self.press_pay(payment_id)).raise_for_status()
        return payment_id

    async def refund(self, payment_id: str, value: str, **fields: object) -> httpx.Response:
        body: Json = {"payment_id": payment_id, "amount": rubles(value)}
        return await self.post("/refunds", body | fields)

    async def behave(self, **orders: object) -> None:
        answer = await self.client.put(f"/sandbox/behaviour/{self.shop_id}", json=orders)
        answer.raise_for_status()

    async def _press(
        self, payment_id: str, button: str, form: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.post(
            f"/pay/{payment_id}/{button}", data=form, headers={"accept": "application/json"}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A running mail sink: its HTTP side and the port of its SMTP side."""

    client: httpx.AsyncClient
    smtp_port: int

    async def messages(self, **query: str | int) -> list[Json]:
        """The first page of what arrived, in the order of arrival."""
        answer = await self.client.get("/messages", params=query)
        answer.raise_for_status()
        items: list[Json] = answer.json()["items"]
        return items

    async def behave(self, **orders: object) -> None:
        answer = await self.client.put("/sandbox/behaviour", json=orders)
        answer.raise_for_status()


def rubles(value: str) -> Json:
    """An amount as the API writes it."""
    return {"value": value, "currency": "RUB"}


def payment_request(value: str = "1500.00", **fields: object) -> Json:
    """The smallest body of a one-step payment, with `fields` laid over it."""
    body: Json = {
        "amount": rubles(value),
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": "https://clinic.example/back"},
        "description": "Приём терапевта",
    }
    return body | fields


def receipt(price: str, quantity: str = "1.00", **fields: object) -> Json:
    """A legal receipt of one service, with `fields` laid over its item."""
    item: Json = {
        "description": "Приём терапевта",
        "quantity": quantity,
        "amount": rubles(price),
        "vat_code": 1,
        "payment_mode": "full_prepayment",
        "payment_subject": "service",
    }
    return {"customer": {"email": "anna@example.org"}, "items": [item | fields]}


@dataclass(slots=True)
class Callbacks:
    """What a shop received, and how it answers: `answers` first, 200 after that."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[Json] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> list[object]:
        return [notification["event"] for notification in self.received]

    async def take(self, request: web.Request) -> web.Response:
        self.received.append(json.loads(await request.read()))
        self.arrived.set()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@asynccontextmanager
async def callbacks() -> AsyncIterator[Callbacks]:
    """A real HTTP server that plays the callback URL of a shop."""
    taken = Callbacks()
    app = web.Application()
    app.router.add_post("/callback", taken.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        taken.url = f"http://{host}:{port}/callback"
        yield taken
    finally:
        await runner.cleanup()
