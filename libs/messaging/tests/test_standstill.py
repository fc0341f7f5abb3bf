import asyncio
from datetime import timedelta

import pytest

from messaging import Envelope, Flow, Terms, bus_consumer
from messaging import consumer as consumer_module
from messaging.memory import MemoryBus, MemoryInbox
from messaging.standstill import Standstill
from messaging.testing import TOPIC, Counted, NowClock, QuietWatch, envelope, running, until


def test_a_partition_stands_still_when_events_are_to_come_and_a_minute_has_passed() -> None:
    standstill = Standstill(timedelta(minutes=1))
    assert standstill.look([3, 0], [7, 9], 100.0) == []
    assert standstill.look([3, 0], [7, 9], 159.9) == []
    assert standstill.look([4, 0], [7, 9], 160.0) == [0]


def test_it_is_reported_again_every_minute_until_it_moves() -> None:
    standstill = Standstill(timedelta(minutes=1))
    reports = [standstill.look([3], [7], 5.0 * number) for number in range(37)]
    assert [number for number, still in enumerate(reports) if still] == [12, 24, 36]
    assert standstill.look([2], [8], 240.0) == []
    assert standstill.look([2], [8], 299.9) == []


def test_what_is_slow_or_has_nothing_to_do_does_not_stand_still() -> None:
    standstill = Standstill(timedelta(minutes=1))
    assert [standstill.look([900, 0], [number, 9], 59.0 * number) for number in range(5)] == [
        []
    ] * 5
    assert standstill.look([899, 1], [5, 9], 59.0 * 5) == [], "its event has come just now"


async def test_a_consumer_that_does_not_get_on_is_reported_though_nothing_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer_module, "_MEASURE_SECONDS", 0.01)
    bus, inbox, watch, free = MemoryBus(), MemoryInbox(), QuietWatch(), asyncio.Event()

    async def hang(event: Counted, cause: object, app: object) -> None:
        await free.wait()

    consumer = bus_consumer(
        service="billing",
        topic=TOPIC,
        handlers={Counted: hang},
        app=None,
        bus=bus,
        inbox=inbox,
        clock=NowClock(),
        watch=watch,
        terms=Terms(longest_standstill=timedelta(milliseconds=50)),
    )
    sent: Envelope = envelope(1)
    await bus.publish(TOPIC, [sent])
    async with running(consumer):
        await until(lambda: len(watch.stalls) >= 2)
        assert set(watch.stalls) == {"StandsStill"}
        free.set()
        await until(lambda: set(watch.lags.values()) == {0})
        before = len(watch.stalls)
        await asyncio.sleep(0.1)
        assert len(watch.stalls) == before


@pytest.mark.parametrize(
    ("flow", "name"),
    [
        (Flow("billing", "booking.events", 3), "billing/booking.events"),
        (Flow("booking.relay", "booking"), "booking.relay"),
        (Flow("booking", "booking.events"), "booking/booking.events"),
    ],
)
def test_a_flow_is_known_by_its_consumer_and_topic(flow: Flow, name: str) -> None:
    assert flow.name == name
