import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid5

import pytest

from decider import Decider, Rejection
from event_store import Codec, CommandContext, CommandHandler, Metadata, NewEvent, StreamName
from event_store.codec import Past, encode_metadata
from event_store.memory import MemoryEventStore
from messaging import (
    Cause,
    Dispatch,
    MessagingUnavailable,
    Process,
    Runnable,
    Terms,
    bus_consumer,
    own_consumer,
)
from messaging.memory import MemoryBus, MemoryInbox
from messaging.testing import (
    TOPIC,
    Counted,
    NowClock,
    QuietWatch,
    drain,
    envelope,
    running,
    until,
)

NOW = NowClock().now()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOld:
    title: str


class Full(Rejection):
    code: ClassVar[str] = "FULL"


class VeryFull(Full):
    code: ClassVar[str] = "VERY_FULL"


CODEC: Codec[Any] = Codec(
    {Asked: "Asked.v2", Granted: "Granted.v1", Dropped: "Dropped.v1"},
    past={"Asked.v1": Past(AskedOld, lambda old: Asked(name=old.title))},
)


def decide(command: object, state: frozenset[object]) -> Sequence[object]:
    match command:
        case Full():
            raise command
        case Granted() if Dropped(name=command.name) in state:
            raise VeryFull
        case _:
            return [] if command in state else [command]


DECIDER: Decider[object, frozenset[object], object] = Decider(
    initial=frozenset(), decide=decide, evolve=lambda state, event: state | {event}
)


class Clinic:
    """An application with two aggregates that take any event as the command to record it."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.inbox = MemoryInbox()
        self.watch = QuietWatch()
        self.requests = CommandHandler(self.store, DECIDER, CODEC, "request")
        self.places = CommandHandler(self.store, DECIDER, CODEC, "place")
        self.letters: list[str] = []

    async def ask(self, name: str) -> None:
        await self.requests.handle(
            Asked(name=name),
            key=name,
            context=CommandContext(command_id=uuid5(UUID(int=1), name), metadata=METADATA),
        )

    async def stored(self) -> list[tuple[str, object, Metadata]]:
        return [
            (recorded.stream, CODEC.decode(recorded), recorded.meta())
            async for page in self.store.read_all()
            for recorded in page.events
        ]

    async def facts(self) -> list[tuple[str, object]]:
        return [(stream, event) for stream, event, _ in await self.stored()]

    def runs(self, process: Process, codec: Codec[Any] = CODEC) -> Runnable:
        return own_consumer(
            service="booking",
            process=process,
            store=self.store,
            codec=codec,
            app=self,
            inbox=self.inbox,
            clock=NowClock(),
            watch=self.watch,
            terms=Terms(
                attempts=2,
                first_delay=timedelta(milliseconds=5),
                redrive_every=timedelta(milliseconds=5),
            ),
        )


METADATA = Metadata(
    tenant="north",
    actor="account:1",
    role="patient",
    time=datetime(2026, 1, 2, tzinfo=UTC),
    correlation=UUID(int=9),
    subject="patient:3",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def grant(event: Asked, cause: Cause) -> Sequence[Dispatch]:
    return [Dispatch(to="places", key=event.name, command=Granted(name=event.name))]


GRANTING = Process(name="granting", reactions={Asked: grant})


async def test_an_event_becomes_a_command_for_another_aggregate(clinic: Clinic) -> None:
    await clinic.ask("anna")
    await drain(clinic.runs(GRANTING))
    assert await clinic.facts() == [
        ("request-north.anna", Asked(name="anna")),
        ("place-north.anna", Granted(name="anna")),
    ]


async def test_what_follows_tells_who_why_and_in_which_story(clinic: Clinic) -> None:
    await clinic.ask("anna")
    await drain(clinic.runs(GRANTING))
    (_, _, _), (_, _, metadata) = await clinic.stored()
    cause = uuid5(uuid5(UUID(int=1), "anna"), "0")
    assert metadata == Metadata(
        tenant="north",
        actor="service:booking",
        role="service",
        time=NOW,
        correlation=METADATA.correlation,
        causation=cause,
        subject="patient:3",
        traceparent=METADATA.traceparent,
    )


async def test_a_process_begins_with_history_and_old_versions_of_its_events(
    clinic: Clinic,
) -> None:
    old = NewEvent(UUID(int=3), "Asked.v1", b'{"title":"anna"}', encode_metadata(METADATA))
    await clinic.store.append(StreamName("request", "north", "anna"), [old], expected=-1)
    await drain(clinic.runs(GRANTING))
    assert ("place-north.anna", Granted(name="anna")) in await clinic.facts()


async def test_a_version_of_a_newer_process_waits_with_its_key_for_the_newer_process(
    clinic: Clinic,
) -> None:
    """A rolling deploy: the old process still has the lease when the new one writes already."""

    async def granted(*names: str) -> bool:
        facts = [("place-north." + name, Granted(name=name)) for name in names]
        stored = [fact for fact in await clinic.facts() if fact[0].startswith("place")]
        return sorted(stored, key=str) == sorted(facts, key=str)

    newer = NewEvent(UUID(int=3), "Asked.v2", b'{"name":"anna"}', encode_metadata(METADATA))
    old = Codec[Any]({AskedOld: "Asked.v1", Granted: "Granted.v1"})
    granting = Process(
        name="granting",
        reactions={
            AskedOld: lambda event, _: [
                Dispatch(to="places", key=event.title, command=Granted(name=event.title))
            ]
        },
    )
    for key, event in ("boris", "Asked.v1"), ("anna", "Asked.v2"), ("clara", "Asked.v1"):
        await clinic.store.append(
            StreamName("request", "north", key),
            [
                newer
                if key == "anna"
                else NewEvent(
                    uuid5(UUID(int=3), key),
                    event,
                    b'{"title":"%s"}' % key.encode(),
                    encode_metadata(METADATA),
                )
            ],
            expected=-1,
        )
    async with running(clinic.runs(granting, old)):
        await until(lambda: granted("boris", "clara"))
        await until(lambda: ("request-north.anna", 0) in clinic.watch.failures)
    assert clinic.watch.quarantined == []
    async with running(clinic.runs(GRANTING)):
        await until(lambda: granted("anna", "boris", "clara"))


async def test_handling_an_event_again_repeats_the_same_command(clinic: Clinic) -> None:
    await clinic.ask("anna")
    await drain(clinic.runs(GRANTING))
    before = await clinic.stored()
    clinic.inbox = MemoryInbox()
    clinic.places = CommandHandler(clinic.store, DECIDER, CODEC, "place")
    await drain(clinic.runs(GRANTING))
    assert await clinic.stored() == before


async def test_a_refusal_leads_to_what_the_process_does_otherwise(clinic: Clinic) -> None:
    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        def drop(full: Full) -> Sequence[Dispatch]:
            drop = Dropped(name=f"{event.name}, {full.code}")
            return [Dispatch(to="requests", key=event.name, command=drop)]

        return [Dispatch(to="places", key=event.name, command=VeryFull(), otherwise={Full: drop})]

    await clinic.ask("anna")
    await drain(clinic.runs(Process(name="granting", reactions={Asked: react})))
    assert await clinic.facts() == [
        ("request-north.anna", Asked(name="anna")),
        ("request-north.anna", Dropped(name="anna, VERY_FULL")),
    ]
    assert clinic.watch.rejections == []


async def test_an_accepted_command_is_not_made_up_for_when_it_comes_again(clinic: Clinic) -> None:
    """Accepted, the process died, the stream moved on: at the second delivery the rules would say no."""

    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        def drop(_: Full) -> Sequence[Dispatch]:
            return [Dispatch(to="requests", key=event.name, command=Dropped(name="refund"))]

        granted = Granted(name=event.name)
        return [Dispatch(to="places", key=event.name, command=granted, otherwise={Full: drop})]

    granting = Process(name="granting", reactions={Asked: react})
    await clinic.ask("anna")
    await drain(clinic.runs(granting))
    dropped = CommandContext(command_id=UUID(int=4), metadata=METADATA)
    await clinic.places.handle(Dropped(name="anna"), key="anna", context=dropped)
    before = await clinic.facts()
    clinic.inbox = MemoryInbox()
    await drain(clinic.runs(granting))
    assert await clinic.facts() == before
    assert clinic.watch.rejections == []


async def test_a_refusal_without_otherwise_is_recorded_and_the_rest_goes_on(
    clinic: Clinic,
) -> None:
    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        return [
            Dispatch(to="places", key=event.name, command=Full(), otherwise={VeryFull: never}),
            *grant(event, cause),
        ]

    def never(_: VeryFull) -> Sequence[Dispatch]:
        raise AssertionError

    await clinic.ask("anna")
    await drain(clinic.runs(Process(name="granting", reactions={Asked: react})))
    assert clinic.watch.rejections == ["FULL"]
    assert ("place-north.anna", Granted(name="anna")) in await clinic.facts()


async def test_a_reaction_with_effects_gets_the_application(clinic: Clinic) -> None:
    async def write(event: Granted, cause: Cause, app: Clinic) -> None:
        app.letters.append(f"{event.name} of {cause.tenant}")

    await clinic.ask("anna")
    writing = Process(name="writing", reactions={Granted: write})
    await drain(clinic.runs(GRANTING), clinic.runs(writing))
    assert clinic.letters == ["anna of north"]


async def test_a_reaction_with_effects_may_answer_with_commands(clinic: Clinic) -> None:
    async def look(event: Asked, cause: Cause, app: Clinic) -> Sequence[Dispatch]:
        app.letters.append(event.name)
        return grant(event, cause)

    await clinic.ask("anna")
    await drain(clinic.runs(Process(name="looking", reactions={Asked: look})))
    assert ("place-north.anna", Granted(name="anna")) in await clinic.facts()


async def test_every_command_of_an_event_has_an_id_of_its_own(clinic: Clinic) -> None:
    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        return [
            Dispatch(to="places", key=event.name, command=Granted(name="a"), word="a"),
            Dispatch(to="places", key=event.name, command=Granted(name="b"), word="b"),
            Dispatch(to="places", key=event.name, command=Dropped(name="a")),
            Dispatch(to="places", key="other", command=Dropped(name="a")),
            Dispatch(to="requests", key="other", command=Dropped(name="a")),
        ]

    await clinic.ask("anna")
    await drain(clinic.runs(Process(name="granting", reactions={Asked: react})))
    assert (await clinic.facts())[1:] == [
        ("place-north.anna", Granted(name="a")),
        ("place-north.anna", Granted(name="b")),
        ("place-north.anna", Dropped(name="a")),
        ("place-north.other", Dropped(name="a")),
        ("request-north.other", Dropped(name="a")),
    ]


@pytest.mark.parametrize("second", [Dropped(name="b"), Granted(name="b")])
async def test_a_command_is_itself_wherever_it_stands(clinic: Clinic, second: object) -> None:
    """What a reaction finds there may shorten its answer at the second try: none may pass for the one before it."""
    tries = 0

    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        nonlocal tries
        tries += 1
        first = Dispatch(to="places", key=event.name, command=Granted(name="a"), word="a")
        absent = Dispatch(to="away", key=event.name, command=Granted(name="x"))
        then = Dispatch(to="places", key=event.name, command=second)
        return [first, absent, then] if tries == 1 else [then]

    await clinic.ask("anna")
    async with running(clinic.runs(Process(name="granting", reactions={Asked: react}))):

        async def both() -> bool:
            return len(await clinic.facts()) == 3

        await until(both)
    assert (await clinic.facts())[1:] == [
        ("place-north.anna", Granted(name="a")),
        ("place-north.anna", second),
    ]


async def test_commands_that_nothing_tells_apart_are_a_mistake_before_any_is_sent(
    clinic: Clinic,
) -> None:
    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        return [
            Dispatch(to="places", key=event.name, command=Granted(name="a")),
            Dispatch(to="places", key=event.name, command=Granted(name="b")),
        ]

    await clinic.ask("anna")
    async with running(clinic.runs(Process(name="granting", reactions={Asked: react}))):
        await until(lambda: clinic.watch.quarantined == ["request-north.anna"])
    (parked,) = await clinic.inbox.list_parked()
    assert str(parked.error).startswith("ValueError in process.py")
    assert await clinic.facts() == [("request-north.anna", Asked(name="anna"))]


async def test_an_instance_that_started_and_did_not_end_is_stuck(clinic: Clinic) -> None:
    process = Process(
        name="granting",
        reactions={},
        starts={Asked: lambda event: event.name},
        ends={Granted: lambda event: event.name},
    )
    await clinic.ask("anna")
    await clinic.ask("boris")
    await clinic.places.handle(
        Granted(name="anna"),
        key="anna",
        context=CommandContext(command_id=UUID(int=4), metadata=METADATA),
    )
    await drain(clinic.runs(process))
    assert await clinic.inbox.list_stuck(METADATA.time) == []
    (stuck,) = await clinic.inbox.list_stuck(METADATA.time + timedelta(microseconds=1))
    assert (stuck.process, stuck.instance) == ("booking.granting", "boris")
    assert stuck.since == METADATA.time


async def test_a_key_whose_reaction_fails_is_quarantined_and_redriven(clinic: Clinic) -> None:
    broken = True

    def react(event: Asked, cause: Cause) -> Sequence[Dispatch]:
        if broken and event.name == "anna":
            raise ArithmeticError
        return grant(event, cause)

    await clinic.ask("anna")
    await clinic.ask("boris")
    async with running(clinic.runs(Process(name="granting", reactions={Asked: react}))):
        await until(lambda: clinic.watch.quarantined == ["request-north.anna"])
        assert ("place-north.boris", Granted(name="boris")) in await clinic.facts()
        broken = False
        assert await clinic.inbox.redrive("booking.granting", "request-north.anna")

        async def granted() -> bool:
            return ("place-north.anna", Granted(name="anna")) in await clinic.facts()

        await until(granted)


async def test_bus_consumers_answer_with_commands_in_the_same_way(clinic: Clinic) -> None:
    def on_counted(event: Counted, cause: Cause) -> Sequence[Dispatch]:
        return [Dispatch(to="places", key=event.number, command=Granted(name="x"))]

    bus = MemoryBus()
    await bus.publish(TOPIC, [envelope(1)])
    consumer = bus_consumer(
        service="billing",
        topic=TOPIC,
        handlers={Counted: on_counted},
        app=clinic,
        bus=bus,
        inbox=clinic.inbox,
        clock=NowClock(),
        watch=clinic.watch,
    )
    await drain(consumer)
    ((stream, event, metadata),) = await clinic.stored()
    assert (stream, event) == ("place-north.1", Granted(name="x"))
    assert (metadata.actor, metadata.causation) == ("service:billing", envelope(1).id)


def test_commands_of_other_reactions_and_other_consumers_have_other_ids() -> None:
    causes = [
        Cause(envelope(number), NOW, consumer)
        for number in (1, 2)
        for consumer in ("billing", "booking", "booking.granting")
    ]
    ids = {cause.command(reaction).command_id for cause in causes for reaction in "ab"}
    assert len(ids) == 12
    assert {cause.service for cause in causes} == {"billing", "booking"}
    again = Cause(envelope(1), NOW + timedelta(days=1), "billing").command("a")
    assert again.command_id == causes[0].command("a").command_id
    assert again.expected_revision is None


async def test_what_fails_slowly_steps_aside_after_one_try(clinic: Clinic) -> None:
    """A slow outside world must not be waited for again and again while others queue behind it."""
    tried = list[str]()

    async def slow_for_some(event: Asked, _cause: Cause, _app: Clinic) -> None:
        tried.append(event.name)
        if event.name == "slow":
            await asyncio.sleep(0.05)
            raise MessagingUnavailable

    patient = Terms(quick_tries=5, quick_within=timedelta(milliseconds=40), batch=1)
    process = Process(name="asking", reactions={Asked: slow_for_some}, terms=patient)
    consumer = own_consumer(
        service="booking",
        process=process,
        store=clinic.store,
        codec=CODEC,
        app=clinic,
        inbox=clinic.inbox,
        clock=NowClock(),
        watch=clinic.watch,
    )
    await clinic.ask("slow")
    await clinic.ask("quick")
    async with running(consumer):

        async def answered() -> bool:
            return "quick" in tried

        await until(answered)
    assert tried[:2] == ["slow", "quick"]
