"""Once, whatever breaks between a server's acceptance and our own record of it."""

import asyncio
import socket
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from event_store.postgres import PostgresEventStore
from messaging.memory import MemoryInbox
from messaging.postgres import PostgresInbox
from messaging.testing import until
from notifications.adapters.sms_ru import SmsRu
from notifications.application.ports import Carrier, Outgoing, Refused
from notifications.bootstrap import CODEC, VIEWS
from notifications.domain.message_types import Channel, MessageType
from read_models import rebuild
from sandbox.web import listen
from service_kit.errors import Unavailable
from service_kit.http import ProviderClient
from vocabulary.ids import MessageId, TenantId

pytestmark = pytest.mark.integration


class Crashing:
    """Hands the message over and never comes back, as a process that dies between the two."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.handed_over = asyncio.Event()

    async def send(self, outgoing: Outgoing) -> Refused | None:
        await self._carrier.send(outgoing)
        self.handed_over.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def was_accepted(self, tenant: TenantId, message_id: MessageId) -> bool:
        return await self._carrier.was_accepted(tenant, message_id)


class Silent:
    """Counts what would have left."""

    def __init__(self) -> None:
        self.asked = 0

    async def send(self, outgoing: Outgoing) -> Refused | None:
        self.asked += 1
        return None

    async def was_accepted(self, tenant: TenantId, message_id: MessageId) -> bool:
        self.asked += 1
        return False


async def recorded(world: Any) -> list[str]:
    """The types of the events of messages, in order."""
    return [
        event.type
        async for page in world.store.read_all()
        for event in page.events
        if event.stream.startswith("message-")
    ]


@pytest.mark.requirement("NTF-27")
@pytest.mark.parametrize("refusals", [1, 4])
async def test_a_letter_refused_for_now_is_sent_later_and_once(world: Any, refusals: int) -> None:
    await world.mail.behave(refuse_next=refusals, refuse_code=451)
    await world.publish(world.reserved())
    async with world.live():
        await world.arrived(1)
    await world.settle()
    [letter] = await world.letters()
    assert letter["duplicates"] == 0
    assert await world.sms() == []
    assert await recorded(world) == ["MessageQueued.v1", "SendingStarted.v1", "MessageSent.v1"]


@pytest.mark.requirement("NTF-27")
async def test_a_server_that_is_away_is_waited_for(world: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        world.start_up(world.carriers(smtp_port=nobody.getsockname()[1]))
        await world.tell(world.reserved())
        assert await world.mail.messages() == []
    world.start_up()
    async with world.live():
        await world.arrived(1)
    assert len(await world.letters()) == 1


@pytest.mark.requirement("NTF-06")
async def test_a_code_that_could_not_be_sent_in_time_is_dropped(world: Any) -> None:
    """The server was away for longer than the code is valid: what comes now would only mislead."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        world.start_up(world.carriers(smtp_port=nobody.getsockname()[1]))
        await world.tell(await world.code_issued())
    world.start_up()
    world.clock.advance(timedelta(minutes=15))

    async def dropped() -> bool:
        return (await recorded(world))[-1] == "MessageSuppressed.v1"

    async with world.live():
        await until(dropped, timeout=30)
    await world.settle()
    assert await world.mail.messages() == []
    [row] = (await world.get("/api/v1/messages?status=SUPPRESSED", who="administrator"))["items"]
    assert row["reason"] == "EXPIRED"


@pytest.mark.requirement("NTF-11", "OPS-14")
@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=1)])
async def test_a_reminder_that_could_not_be_sent_before_the_visit_is_dropped(
    world: Any, late: timedelta
) -> None:
    """The server was away until the visit began."""
    await _reminded_while_the_server_is_away(world)
    world.clock.set(world.start + late)

    async def dropped() -> bool:
        return (await recorded(world))[-1] == "MessageSuppressed.v1"

    async with world.live():
        await until(dropped, timeout=30)
    await world.settle()
    assert await world.letters() == []


@pytest.mark.requirement("NTF-11", "OPS-14")
async def test_a_reminder_that_can_still_be_sent_before_the_visit_is_sent(world: Any) -> None:
    await _reminded_while_the_server_is_away(world)
    world.clock.set(world.start - timedelta(microseconds=1))
    async with world.live():
        await world.arrived(1)


async def _reminded_while_the_server_is_away(world: Any) -> None:
    await world.set_policy("reminder_minutes", [60])
    await world.tell(world.reserved())
    await world.forget()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        world.start_up(world.carriers(smtp_port=nobody.getsockname()[1]))
        await world.pass_time(world.start - timedelta(hours=1) - world.clock.now())
    assert "REMINDER" in str(await world.get("/api/v1/messages", who="administrator"))
    world.start_up()


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A mail server that greets and then listens for ever."""
    writer.write(b"220 slow.example\r\n")
    while await reader.read(1000):
        pass
    writer.close()
    await writer.wait_closed()


async def test_a_slow_server_holds_up_its_own_letters_only(world: Any) -> None:
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    world.start_up(world.carriers(smtp_port=port, letter_seconds=1.2))
    began = loop.time()
    async with server:
        await world.publish(world.reserved())
        await world.publish(await world.code_issued(email=None, phone="+79161234567"))

        async def told() -> bool:
            return bool(await world.sms())

        async with world.live():
            await until(told, timeout=30)
            assert loop.time() - began < 10
    world.start_up()
    async with world.live():
        await world.arrived(1)
    assert len(await world.letters()) == 1


@pytest.mark.requirement("NTF-01")
async def test_a_final_refusal_leads_to_the_next_channel(world: Any) -> None:
    await world.mail.behave(refuse_next=1, refuse_code=550)
    await world.tell(world.reserved())
    assert await world.letters() == []
    [text] = await world.sms()
    assert text == "Вы записаны на приём 1 декабря 2026 г., 10:00 (UTC+3). ООО «Север»"
    assert await recorded(world) == [
        "MessageQueued.v1",
        "SendingStarted.v1",
        "ChannelFailed.v1",
        "SendingStarted.v1",
        "MessageSent.v1",
    ]


@pytest.mark.requirement("NTF-01")
async def test_when_no_channel_takes_it_the_message_has_failed(world: Any) -> None:
    await world.mail.behave(refuse_next=1, refuse_code=554, sms_refuse_next=1, sms_refuse_code=207)
    await world.tell(world.reserved())
    assert await world.mail.messages() == []
    [row] = (await world.get("/api/v1/messages?status=FAILED", who="administrator"))["items"]
    assert (row["channel"], row["reason"]) == ("SMS", "SMS_207")
    assert await world.told() == ["MessageFailed.v1"]


async def test_an_sms_service_in_trouble_is_waited_for(empty_world: Any) -> None:
    world = empty_world
    await world.open_clinic(email=None)
    await world.mail.behave(sms_refuse_next=1, sms_refuse_code=220)
    await world.tell(world.reserved())
    assert len(await world.sms()) == 1


@pytest.mark.requirement("NTF-27")
async def test_a_letter_whose_acceptance_was_not_heard_is_not_sent_again(world: Any) -> None:
    await world.mail.behave(drop_after_accept=1)
    await world.tell(world.reserved())
    [letter] = await world.letters()
    assert letter["duplicates"] == 0
    assert await world.told() == ["MessageSent.v1"]
    assert await world.sms() == []


@pytest.mark.requirement("NTF-27")
async def test_where_the_server_cannot_be_asked_the_letter_keeps_its_message_id(world: Any) -> None:
    """So that the recipient's server can drop the second one."""
    world.start_up(world.carriers(lookup=False))
    await world.mail.behave(drop_after_accept=1)
    await world.tell(world.reserved())
    first, second = await world.letters()
    assert first["message_id"] == second["message_id"]


@pytest.mark.requirement("NTF-27")
async def test_a_crash_between_acceptance_and_record_leads_to_one_letter(world: Any) -> None:
    crashing = Crashing(world.carriers()[Channel.EMAIL])
    world.start_up({**world.carriers(), Channel.EMAIL: crashing})
    await world.publish(world.reserved())
    async with world.live():
        await asyncio.wait_for(crashing.handed_over.wait(), 10)
    assert await recorded(world) == ["MessageQueued.v1", "SendingStarted.v1"]
    world.start_up()
    async with world.live():
        await world.arrived(1)
    await world.settle()
    [letter] = await world.letters()
    assert letter["duplicates"] == 0
    assert (await recorded(world))[2:] == ["MessageSent.v1"]


async def test_what_belongs_to_an_erased_person_is_never_sent(world: Any) -> None:
    await world.keyring.destroy("north", world.patient)
    world.sealers.forget("north", world.patient)
    await world.tell(world.reserved())
    assert await world.mail.messages() == []
    [row] = (await world.get("/api/v1/messages?status=FAILED", who="administrator"))["items"]
    assert row["reason"] == "SUBJECT_ERASED"


@pytest.mark.requirement("NTF-30")
async def test_rebuilt_views_and_replayed_timers_send_nothing(world: Any) -> None:
    """A view reaches no reaction, and a timer that fires again asks a decider that remembers."""
    await world.tell(world.reserved())
    for lead in (timedelta(days=1), timedelta(hours=1)):
        await world.pass_time(world.start - lead - world.clock.now())
    assert len(await world.letters()) == 3
    silent = Silent()
    world.start_up(dict.fromkeys(Channel, silent))
    before = [event.id async for page in world.store.read_all() for event in page.events]
    for view in VIEWS:
        await rebuild(world.pool, world.store, CODEC, view)
    # As if the timers had never fired.
    timers = VIEWS[-1].table
    await world.pool.execute(f"UPDATE {timers} SET done = 0, due_at = instants[1]")  # noqa: S608 - a constant
    assert await world.stage.timers.fire_due() == 2
    await world.settle()
    after = [event.id async for page in world.store.read_all() for event in page.events]
    assert silent.asked == 0
    assert after == before


@pytest.mark.requirement("NTF-30")
async def test_the_whole_history_handled_again_sends_nothing(world: Any) -> None:
    """Even when every consumer has lost its position: what is finished is not sent."""
    await world.tell(
        world.requested(), world.reserved(), *world.money(), world.cancelled(), world.decided()
    )
    sent = len(await world.mail.messages())
    assert sent == 6
    silent = Silent()
    world.start_up(dict.fromkeys(Channel, silent), inbox=MemoryInbox())
    await world.settle()
    assert silent.asked == 0


async def test_sending_keeps_its_promises_over_postgres(world: Any, database: str) -> None:
    """The same adapters, over the stores of the embedded profile."""
    async with asyncpg.create_pool(database, min_size=1) as pool:
        world.store = await PostgresEventStore.open(pool)
        inbox = await PostgresInbox.open(pool)
        world.start_up(inbox=inbox)
        try:
            await world.mail.behave(drop_after_accept=1)
            await world.publish(await world.code_issued())
            async with world.live():
                await world.arrived(1)
            [letter] = await world.letters()
            assert "482913" in letter["text"]
            assert letter["duplicates"] == 0
        finally:
            await inbox.close()
            await world.store.close()


@pytest.mark.parametrize("content", [b"<html>", b'{"status": "OK"}', b"[]"])
async def test_an_answer_that_is_none_is_a_service_in_trouble(world: Any, content: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    async with ProviderClient.open("sms", "http://sms.test", transport=transport) as provider:
        with pytest.raises(Unavailable, match="sms"):
            await SmsRu(provider, SecretStr("key")).send(a_code(world))


class Doorman:
    """Refuses the recipient before it sees the letter; the name of the hook is prescribed by aiosmtpd."""

    def __init__(self, code: int) -> None:
        self._code = code

    async def handle_RCPT(self, *_: object) -> str:  # noqa: N802
        return f"{self._code} Nobody of that name"


async def knock(world: Any, code: int) -> Refused | None:
    """Send to a server whose doorman answers with a code."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Doorman(code), hostname="door"), sock=listener)
    async with server:
        carrier: Carrier = world.carriers(smtp_port=port)[Channel.EMAIL]
        return await carrier.send(a_code(world))


def a_code(world: Any) -> Outgoing:
    words = world.wording.words(
        MessageType.CONFIRMATION_CODE, "ru", {"minutes": "15"}, {"code": "482913"}, None
    )
    return Outgoing(
        tenant=TenantId("north"),
        message_id=MessageId(world.patient),
        address=world.anna,
        words=words,
    )


async def test_a_recipient_refused_for_good_is_a_refusal_and_for_now_is_not(world: Any) -> None:
    assert await knock(world, 550) == Refused("SMTP_550")
    with pytest.raises(Unavailable, match="smtp"):
        await knock(world, 450)


async def test_a_lookup_that_does_not_answer_is_waited_for(world: Any) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(404))
    async with ProviderClient.open("lookup", "http://mail.test", transport=transport) as lookup:
        world.provider = lookup
        with pytest.raises(Unavailable, match="mail lookup"):
            await world.carriers()[Channel.EMAIL].was_accepted(
                TenantId("north"), MessageId(world.patient)
            )
