"""The trail follows stores and tells stories, against a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from event_store import EventStore, Metadata, NewEvent, StreamName
from event_store.codec import encode_metadata
from event_store.memory import MemoryEventStore
from ops.api.access import ACCESS
from ops.bootstrap import build_api, open_ops
from ops.settings import OpsSettings
from ops.trail import Trail, follow
from service_kit.database import migrate, open_pool
from service_kit.testing import Example, Tokens, access_walk, api_client, make_kit

pytestmark = pytest.mark.integration

APPOINTMENT, INVOICE, PAYMENT, DOCTOR, OTHER = (UUID(int=n) for n in range(1, 6))
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


class Story:
    """Two stores with a few events."""

    def __init__(self) -> None:
        self.stores = {"booking": MemoryEventStore(), "billing": MemoryEventStore()}

    async def tell(
        self,
        service: str,
        category: str,
        key: object,
        type_: str,
        *,
        tenant: str = "north",
        expected: int = -1,
        **data: Any,
    ) -> None:
        event_id = uuid5(UUID(int=0), f"{service}{category}{key}{type_}{tenant}{expected}")
        meta = Metadata(
            tenant=tenant,
            actor="service:test",
            role="service",
            time=NOON,
            correlation=APPOINTMENT,
            subject=str(OTHER),
        )
        event = NewEvent(event_id, f"{type_}.v1", msgspec.json.encode(data), encode_metadata(meta))
        stream = StreamName(category, tenant, str(key))
        await self.stores[service].append(stream, [event], expected=expected)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Any]:
    async with open_pool(database, application_name="test") as pool:
        await migrate(pool, "ops")
        yield pool


@pytest.fixture
async def story() -> Story:
    story = Story()
    day = f"{DOCTOR}:2026-12-01"
    await story.tell("booking", "doctor-day", day, "SlotsOpened", template_id=str(OTHER))
    await story.tell(
        "booking",
        "doctor-day",
        day,
        "SlotHeld",
        expected=0,
        details={"appointment_id": str(APPOINTMENT), "patient_id": str(OTHER)},
    )
    await story.tell(
        "booking", "doctor-day", day, "SlotFreed", expected=1, appointment_id=str(OTHER)
    )
    await story.tell(
        "booking",
        "appointment",
        APPOINTMENT,
        "AppointmentRequested",
        details={"appointment_id": str(APPOINTMENT), "last_name": "Иванов"},
    )
    await story.tell(
        "billing",
        "invoice",
        INVOICE,
        "PreliminaryInvoiceIssued",
        appointment_id=str(APPOINTMENT),
        total={"kopecks": 150000},
    )
    await story.tell("billing", "payment", PAYMENT, "PaymentStarted", invoice_id=str(INVOICE))
    await story.tell("billing", "payment", PAYMENT, "PaymentSucceeded", expected=0)
    await story.tell(
        "billing", "invoice", UUID(int=6), "PreliminaryInvoiceIssued", appointment_id=str(DOCTOR)
    )
    await story.tell(
        "booking",
        "patient-booking-quota",
        OTHER,
        "BookingQuotaClaimed",
        appointment_id=str(APPOINTMENT),
    )
    await story.tell("booking", "patient-standing", OTHER, "PatientStandingRecorded")
    return story


async def caught_up(story: Story, pool: Any, *, of: str | None = None) -> None:
    stores: dict[str, EventStore] = {
        name: store for name, store in story.stores.items() if of in (None, name)
    }
    followers = [asyncio.create_task(follow(name, s, pool)) for name, s in stores.items()]
    async with asyncio.timeout(10):
        while any((await Trail(pool).behind(stores)).values()):  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0.02)
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)


@pytest.mark.requirement("OPS-05")
async def test_a_story_reaches_through_invoice_and_payment_and_no_further(
    story: Story, pool: Any
) -> None:
    await caught_up(story, pool)
    entries = await Trail(pool).story(APPOINTMENT)
    assert sorted(entry.type for entry in entries) == [
        "AppointmentRequested.v1",
        "BookingQuotaClaimed.v1",
        "PaymentStarted.v1",
        "PaymentSucceeded.v1",
        "PreliminaryInvoiceIssued.v1",
        "SlotHeld.v1",
    ]


async def test_several_followers_copy_each_event_once_and_none_gives_up(
    story: Story, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.trail._STANDBY_SECONDS", 0.01)
    store = story.stores["booking"]
    followers = [asyncio.create_task(follow("booking", store, pool)) for _ in range(3)]
    for number in range(20):
        await story.tell("booking", "branch", OTHER, "BranchNoted", expected=number - 1)
        await asyncio.sleep(0.005)
    async with asyncio.timeout(10):
        while (await Trail(pool).behind({"booking": store}))["booking"]:  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0.02)
    assert not [follower for follower in followers if follower.done()]
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    copied = await pool.fetch("SELECT event_id FROM audit_trail WHERE type = 'BranchNoted.v1'")
    assert len(copied) == len({row["event_id"] for row in copied}) == 20


async def test_following_again_goes_on_and_adds_nothing_twice(story: Story, pool: Any) -> None:
    await caught_up(story, pool)
    before = await pool.fetchval("SELECT count(*) FROM audit_trail")
    await story.tell("billing", "payment", PAYMENT, "PaymentChecked", expected=1)
    await caught_up(story, pool)
    assert (before, await pool.fetchval("SELECT count(*) FROM audit_trail")) == (10, 11)


async def test_a_second_follower_is_told_to_go(story: Story, pool: Any) -> None:
    first = asyncio.create_task(follow("booking", story.stores["booking"], pool))
    second = asyncio.create_task(follow("booking", story.stores["booking"], pool))
    for _ in range(100):
        await asyncio.sleep(0.02)
        if first.done() or second.done():
            break
    first.cancel(), second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert await pool.fetchval("SELECT count(*) FROM audit_trail WHERE service = 'booking'") == 6


class Recovering:
    """A pool whose server says for a while that it is starting up."""

    def __init__(self, pool: Any, refusals: int) -> None:
        self._pool, self.refusals = pool, refusals
        self.acquire, self.fetch = pool.acquire, pool.fetch

    async def fetchval(self, *query: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        return await self._pool.fetchval(*query)


@pytest.mark.requirement("OPS-16")
async def test_a_database_that_recovers_is_waited_for(story: Story, pool: Any) -> None:
    recovering: Any = Recovering(pool, 2)
    with capture_logs() as logs:
        await caught_up(story, recovering, of="booking")
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("audit.waiting", "CannotConnectNowError")
    ] * 2
    assert await pool.fetchval("SELECT count(*) FROM audit_trail WHERE service = 'booking'") == 6


@pytest.mark.requirement("OPS-19")
async def test_no_personal_value_reaches_the_trail(story: Story, pool: Any) -> None:
    await caught_up(story, pool)
    rows = await pool.fetch("SELECT audit_trail::text AS row FROM audit_trail")
    assert rows
    assert not any("Иванов" in row["row"] for row in rows)


async def test_two_clinics_do_not_see_each_other_and_the_table_of_access_holds(
    story: Story, pool: Any
) -> None:
    await caught_up(story, pool)
    kit = make_kit("ops")
    app = build_api(kit, Trail(pool))
    path = f"/api/v1/audit/appointments/{APPOINTMENT}"
    async with api_client(app) as client:
        mine = await client.get(path, headers=Tokens(kit.clock).headers("administrator"))
        theirs = await client.get(
            path, headers=Tokens(kit.clock).headers("administrator", tenant="south")
        )
    assert (mine.status_code, len(mine.json()["items"])) == (200, 6)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "NOT_FOUND")
    assert {access.action for access in ACCESS} == {
        "read_appointment_timeline",
        "read_subject_timeline",
    }
    findings = await access_walk(
        app,
        {
            "read_appointment_timeline": Example(path={"appointment_id": str(APPOINTMENT)}),
            "read_subject_timeline": Example(path={"subject": str(OTHER)}),
        },
    )
    assert findings == []


@pytest.mark.requirement("OPS-16")
async def test_ops_is_ready_as_long_as_its_database_answers(database: str) -> None:
    settings = OpsSettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr("unused"),
        identity_url="http://127.0.0.1:9",
        service_secret=SecretStr("s"),
        service_databases={},
    )
    async with open_ops(settings, make_kit("ops")) as parts, api_client(parts.api) as client:
        assert (await client.get("/readyz")).json()["checks"] == {"database": "ok"}
    async with api_client(parts.api) as client:
        assert (await client.get("/readyz")).status_code == 503
