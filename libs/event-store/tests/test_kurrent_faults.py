"""What a real server does not do on request: these tests break it on purpose, so they always run on the instrument."""

import asyncio
import datetime as dt
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from event_store import (
    NO_STREAM,
    START,
    EventFilter,
    Page,
    RecordedEvent,
    StoreRefused,
    StoreUnavailable,
)
from event_store.kurrent import KurrentEventStore, connection
from event_store.store import EventStore
from event_store.testing import (
    closing,
    event,
    history,
    noted,
    read_back,
    stream,
    take,
    texts,
)
from event_store.testing.kurrent_fixtures import OpenKurrent, open_kurrent
from event_store.testing.kurrent_server import KurrentInstrument, Tls, running_instrument


@dataclass(frozen=True)
class Said:
    text: str


__all__ = ["open_kurrent"]  # a fixture


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - the instrument has no events for what it counts
        await asyncio.sleep(0.005)


@pytest.fixture
async def instrument() -> AsyncIterator[KurrentInstrument]:
    async with running_instrument() as running:
        yield running


@pytest.fixture
async def cluster() -> AsyncIterator[KurrentInstrument]:
    async with running_instrument(3) as running:
        yield running


async def test_an_append_whose_answer_was_lost_is_stored_once_and_is_no_repeat(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(instrument.uri)
    instrument.faults.lost_answers = 1
    answer = await noted(store, stream("a"), "one", "two")
    assert (answer.revision, answer.repeated) == (1, False)
    assert instrument.calls["BatchAppend"] == 2
    assert texts(await history(store, stream("a"))) == ["one", "two"]


@pytest.mark.parametrize("fault", ["refused_calls", "lost_answers", "not_ready"])
async def test_an_append_that_meets_a_hiccup_goes_through(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent, fault: str
) -> None:
    store = await open_kurrent(instrument.uri)
    setattr(instrument.faults, fault, 2)
    assert (await noted(store, stream("a"), "one")).revision == 0
    assert texts(await history(store, stream("a"))) == ["one"]


async def test_a_store_that_stays_away_is_unavailable_and_the_same_batch_goes_through_later(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(instrument.uri)
    batch = [event()]
    instrument.faults.not_ready = 100
    with pytest.raises(StoreUnavailable):
        await store.append(stream("a"), batch, expected=NO_STREAM)
    instrument.faults.not_ready = 0
    assert (await store.append(stream("a"), batch, expected=NO_STREAM)).revision == 0
    await instrument.stop(0)
    for ask in (store.position(), noted(store, stream("b"), "x")):
        with pytest.raises(StoreUnavailable):
            await ask
    await instrument.start(0)
    assert (await noted(store, stream("b"), "x")).revision == 0


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with running_instrument() as gone:
        uri = gone.uri
    with pytest.raises(StoreUnavailable):
        await KurrentEventStore.open(uri, service="surgery")


async def test_an_append_that_the_server_holds_back_holds_nobody_else(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(instrument.uri)
    instrument.faults.held = {"surgery.note:north.slow"}
    slow = asyncio.create_task(noted(store, stream("slow"), "slow"))
    async with asyncio.timeout(4):
        await until(lambda: instrument.most_at_once > 0)
        await asyncio.gather(*(noted(store, stream(str(index)), "x") for index in range(50)))
    assert not slow.done()
    instrument.faults.release.set()
    assert (await slow).revision == 0


async def test_no_more_calls_are_out_than_the_server_takes_on_a_connection(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(instrument.uri)
    instrument.faults.held = {f"surgery.note:north.{index}" for index in range(150)}
    waiting = [asyncio.create_task(noted(store, stream(str(index)), "x")) for index in range(150)]
    async with asyncio.timeout(4):
        await until(lambda: instrument.most_at_once >= 90)
        # subscriptions have a connection of their own: 90 and 20 would be too much for one
        async with AsyncExitStack() as following:
            feeds = [
                await following.enter_async_context(closing(store.subscribe())) for _ in range(20)
            ]
            for pages in feeds:
                assert (await anext(pages)).caught_up
            assert not any(task.done() for task in waiting)
            instrument.faults.release.set()
            await asyncio.gather(*waiting)
            end = max(task.result().cursor for task in waiting)
            assert len((await take(feeds[0], end))[0]) == 150
    assert instrument.most_at_once == 90


async def _written_meanwhile(
    store: EventStore, disturb: Callable[[int], Awaitable[None]], rounds: int
) -> None:
    """A subscription beside appends and disturbances: nothing lost, nothing twice, in order."""
    seen: list[RecordedEvent] = []

    async def follow() -> None:
        async with closing(store.subscribe(page_size=7)) as pages:
            async for page in pages:
                seen.extend(page.events)

    follower = asyncio.create_task(follow())
    for number in range(rounds):
        await noted(store, stream(f"{number}"), *["x"] * 5)
        await disturb(number)
    async with asyncio.timeout(20):
        await until(lambda: len(seen) >= rounds * 5)
    follower.cancel()
    await asyncio.wait((follower,))
    stored = await read_back(store)
    assert [e.id for e in seen] == [e.id for e in stored]


async def test_a_subscription_that_the_server_ends_goes_on_behind_what_it_had(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    async def disturb(number: int) -> None:
        if number % 3 == 2:
            instrument.cut()
        await asyncio.sleep(0.02)

    await _written_meanwhile(await open_kurrent(instrument.uri), disturb, 12)


async def test_a_subscription_survives_a_restart_of_the_server(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    async def disturb(number: int) -> None:
        if number == 2:
            await instrument.stop(0)
            await asyncio.sleep(0.3)
            await instrument.start(0)

    await _written_meanwhile(await open_kurrent(instrument.uri), disturb, 5)


async def test_appends_and_subscriptions_follow_the_leader(
    cluster: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    async def disturb(number: int) -> None:
        if number == 1:
            cluster.elect(1)
        if number == 3:
            await cluster.stop(1)
            cluster.elect(2)

    await _written_meanwhile(await open_kurrent(cluster.uri), disturb, 6)


async def test_reads_follow_the_leader(
    cluster: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(cluster.uri)
    appended = await noted(store, stream("a"), "one")
    for leader in (1, 2, 0):
        cluster.elect(leader)
        assert await store.position() == appended.cursor
        cluster.elect((leader + 1) % 3)
        assert texts(await history(store, stream("a"))) == ["one"]
        cluster.elect(leader)
        assert texts(await read_back(store)) == ["one"]


async def test_a_cluster_without_a_leader_is_waited_for(
    cluster: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(cluster.uri)
    cluster.elect(None)
    waiting = asyncio.create_task(noted(store, stream("a"), "one"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    cluster.elect(2)
    assert (await waiting).revision == 0


async def test_a_subscription_that_has_fallen_silent_is_noticed_and_begun_again(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_kurrent(instrument.uri, stall_seconds=0.2)
    async with closing(store.subscribe()) as pages:
        assert (await anext(pages)).caught_up
        instrument.mute()
        with caplog.at_level(logging.WARNING, "event_store"):
            appended = await noted(store, stream("a"), "one")
            assert texts((await take(pages, appended.cursor))[0]) == ["one"]
    assert "stalled" in caplog.text


async def test_a_subscription_with_nothing_to_say_is_left_alone(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = (
        await open_kurrent(instrument.uri, stall_seconds=0.05),
        await open_kurrent(instrument.uri, "other"),
    )
    appended = await noted(store, stream("a"), "one")
    async with closing(store.subscribe(after=appended.cursor)) as pages:
        assert (await anext(pages)).caught_up
        await noted(other, stream("b"), "not ours")
        with caplog.at_level(logging.WARNING, "event_store"), pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pages), 0.4)
    assert caplog.text == ""


async def test_a_server_that_says_no_place_when_caught_up_still_lets_readers_arrive(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    instrument.faults.caught_up_has_position = False
    store = await open_kurrent(instrument.uri)
    await noted(store, stream("a"), "shown")
    hidden = await noted(store, stream("b", "letter"), "hidden")
    where = EventFilter(categories=frozenset({"note"}))
    async with closing(store.subscribe(where=where)) as pages:
        assert (await take(pages, hidden.cursor))[1] == hidden.cursor


async def test_a_checkpoint_that_is_no_place_of_a_record_is_passed_over(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    """Resuming by the commit position of such a one lost an event on KurrentDB 25.0.0 (issue 4970)."""
    store, other = await open_kurrent(instrument.uri), await open_kurrent(instrument.uri, "other")
    await noted(other, stream("a"), *["theirs"] * 3)
    async with closing(store.subscribe()) as pages:
        page = await anext(pages)
    assert page == Page([], START, caught_up=True)


# The end of a service in a log that others fill


async def test_the_end_of_a_quiet_service_is_looked_for_once(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    """The server looks through the log until something fits, whatever the limit of a read: a log is long."""
    quiet, busy = await open_kurrent(instrument.uri), await open_kurrent(instrument.uri, "busy")
    appended = await noted(quiet, stream("a"), "one")
    await noted(busy, stream("b"), *["theirs"] * 2000)
    assert await quiet.position() == appended.cursor
    instrument.log.looked_at = 0
    for number in range(5):
        assert await quiet.position() == appended.cursor
        assert [page async for page in quiet.read_all(after=appended.cursor)] == [
            Page((), appended.cursor, caught_up=True)
        ]
        await noted(busy, stream(f"c{number}"), "theirs")
    assert instrument.log.looked_at < 50
    again = await noted(quiet, stream("a"), "two", expected=0)
    assert await quiet.position() == again.cursor
    assert instrument.log.looked_at < 50


async def test_a_subscription_of_a_quiet_service_that_waits_does_not_look_through_the_log(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    instrument.faults.caught_up_has_position = False
    quiet, busy = (
        await open_kurrent(instrument.uri, stall_seconds=0.05),
        await open_kurrent(instrument.uri, "busy"),
    )
    appended = await noted(quiet, stream("a"), "one")
    await noted(busy, stream("b"), *["theirs"] * 900)  # too few for a checkpoint
    async with closing(quiet.subscribe(after=appended.cursor)) as pages:
        assert (await anext(pages)).caught_up
        instrument.log.looked_at = 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pages), 0.4)
    assert 0 < instrument.log.looked_at < 50


async def test_looking_for_the_end_takes_as_long_as_it_takes(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_kurrent(instrument.uri)
    appended = await noted(store, stream("a"), "one")
    monkeypatch.setattr(connection, "DEADLINE", 0.5)
    instrument.faults.filtered_read_seconds = 0.8
    assert await store.position() == appended.cursor


async def test_whether_the_store_is_there_is_asked_without_looking_for_anything(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store, busy = await open_kurrent(instrument.uri), await open_kurrent(instrument.uri, "busy")
    await store.ping()
    await noted(busy, stream("b"), *["theirs"] * 100)
    instrument.log.looked_at = 0
    await store.ping()
    assert instrument.log.looked_at == 1
    await instrument.stop(0)
    with pytest.raises(StoreUnavailable):
        await store.ping()


# Rights, TLS and credentials


async def test_a_user_who_may_not_read_everything_is_told_what_is_missing(
    instrument: KurrentInstrument, open_kurrent: OpenKurrent
) -> None:
    store = await open_kurrent(instrument.uri)
    instrument.faults.denies_all = True
    for ask in (store.ping(), store.position(), anext(aiter(store.subscribe()))):
        with pytest.raises(StoreRefused, match=r"\$all") as refused:
            await ask
        assert "\n" not in str(refused.value)
    with pytest.raises(StoreRefused):
        await KurrentEventStore.open(instrument.uri, service="surgery")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "instrument")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=3650))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    file.write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Tls(secret, pem, str(file))


async def test_tls_and_credentials_come_from_the_connection_string(
    tls: Tls, open_kurrent: OpenKurrent
) -> None:
    async with running_instrument(tls=tls, credentials=("surgery", "s3cret")) as running:
        store = await open_kurrent(running.uri)
        appended = await noted(store, stream("a"), "one")
        async with closing(store.subscribe()) as pages:
            assert texts((await take(pages, appended.cursor))[0]) == ["one"]
        with pytest.raises(StoreRefused, match="user or password"):
            await KurrentEventStore.open(running.uri.replace("s3cret", "other"), service="surgery")
        stranger = running.uri.partition("&tlsCaFile")[0]
        with pytest.raises(StoreUnavailable):
            await KurrentEventStore.open(stranger, service="surgery")
