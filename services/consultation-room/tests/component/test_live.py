"""The live connection, as two browsers have it, in one process and in two."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from typing_extensions import override

from consultation_room.application.live import Listener, News
from consultation_room.bootstrap import build_live
from consultation_room.domain.chat_thread.events import SystemMessagePosted
from event_store import START, Cursor
from event_store.memory import MemoryEventStore
from messaging.testing import until
from vocabulary.ids import TenantId


def say(text: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"kind": "say", "client_message_id": UUID(int=number), "text": text, **more}


@pytest.mark.requirement("ROOM-31", "ROOM-09")
async def test_both_sides_see_every_message_once_and_in_order(world: Any) -> None:
    room = await world.in_work()
    second = await world.open_process()
    async with (
        world.socket(room, "patient") as patient,
        world.socket(room, "clinician", process=second) as doctor,
    ):
        for side in (patient, doctor):
            replay = [await side.hear() for _ in range(6)]
            assert [frame.get("number") for frame in replay[:4]] == [1, 2, 3, 4]
            assert replay[4] == {"kind": "caught_up", "number": 4}
            assert (replay[5]["kind"], replay[5]["status"]) == ("state", "IN_WORK")
        await patient.say(say("Болит голова", 1))
        ack = await patient.until("ack")
        assert ack["number"] == 5
        assert ack["client_message_id"] == str(UUID(int=1))
        await doctor.until("message", number=5, author="CLIENT", text="Болит голова")
        await doctor.say(say("Давно?", 2))
        heard = await patient.until("message", author="DOCTOR")
        assert (heard["number"], heard["text"]) == (6, "Давно?")
        await patient.say(say("Болит голова", 1))
        assert (await patient.until("ack"))["number"] == 5
    assert await world.facts("MessagePosted") == ["MessagePosted"] * 2


@pytest.mark.requirement("ROOM-31")
async def test_many_messages_from_both_sides_have_one_order_for_everybody(world: Any) -> None:
    room = await world.in_work()
    second = await world.open_process()
    async with (
        world.socket(room, "patient", last_seen=4) as patient,
        world.socket(room, "clinician", process=second, last_seen=4) as doctor,
    ):
        for number in range(20):
            await patient.say(say(f"p{number}", number))
            await doctor.say(say(f"d{number}", number))
        seen = []
        for side in (patient, doctor):
            frames = [await side.until("message") for _ in range(40)]
            seen.append([(frame["number"], frame["text"]) for frame in frames])
    assert seen[0] == seen[1]
    assert [number for number, _ in seen[0]] == list(range(5, 45))


@pytest.mark.requirement("ROOM-19", "ROOM-31")
async def test_who_reconnects_gets_what_was_missed(world: Any) -> None:
    room = await world.in_work()
    async with world.socket(room, "patient") as patient:
        await patient.until("caught_up", number=4)
    for number in range(3):
        await world.send(
            "POST",
            f"/{room}/messages",
            {"client_message_id": str(UUID(int=number)), "text": f"{number}"},
            who="clinician",
        )
    async with world.socket(room, "patient", last_seen=5) as patient:
        missed = [await patient.hear() for _ in range(3)]
        assert [frame.get("text") for frame in missed] == ["1", "2", None]
        assert missed[2] == {"kind": "caught_up", "number": 7}
    assert (await world.get(f"/{room}"))["status"] == "IN_WORK"


async def test_a_waiting_patient_is_seen_and_a_patient_who_left_is_not(world: Any) -> None:
    room = await world.opened()
    async with world.socket(room, "clinician") as doctor:
        await doctor.until("state", status="PLANNED")
        async with world.socket(room, "patient") as patient:
            await patient.until("state", status="PATIENT_WAITING")
            await doctor.until("state", status="PATIENT_WAITING")
        await doctor.until("state", status="PLANNED")
    assert await world.facts("PatientJoined", "PatientLeft", "ConsultationSuspended") == [
        "PatientJoined",
        "PatientLeft",
    ]


@pytest.mark.requirement("ROOM-19")
async def test_a_doctor_who_leaves_suspends_it_and_continues(world: Any) -> None:
    room = await world.in_work()
    async with world.socket(room, "patient") as patient:
        async with world.socket(room, "clinician") as doctor:
            await doctor.until("state", status="IN_WORK")
        await patient.until("state", status="SUSPENDED")
        await patient.say(say("Вы где?"))
        await patient.until("ack")
        async with world.socket(room, "clinician") as doctor:
            await doctor.until("message", text="Вы где?")
            await patient.until("state", status="IN_WORK")


@pytest.mark.requirement("ROOM-19")
async def test_a_short_loss_is_no_absence_and_one_of_two_connections_is_none_either(
    world: Any,
) -> None:
    room = await world.in_work()
    calm = await world.open_process(absence_seconds=1.0)
    async with world.socket(room, "clinician", process=calm) as doctor:
        await doctor.until("state")
    async with world.socket(room, "clinician", process=calm) as doctor:
        await doctor.until("state", status="IN_WORK")
    async with world.socket(room, "clinician") as first:
        await first.until("state")
        async with world.socket(room, "clinician") as second:
            await second.until("state")
        await asyncio.sleep(0.2)
        assert await world.facts("ConsultationSuspended") == []


async def test_who_is_connected_to_another_process_comes_back_at_once(world: Any) -> None:
    room = await world.in_work()
    other = await world.open_process()
    async with world.socket(room, "clinician", process=other) as stays:
        await stays.until("state", status="IN_WORK")
        async with world.socket(room, "clinician") as leaves:
            await leaves.until("state")
        await stays.until("state", status="SUSPENDED")
        await stays.until("state", status="IN_WORK")
    assert await world.facts("ConsultationSuspended", "ConsultationResumed") == [
        "ConsultationSuspended",
        "ConsultationResumed",
    ]


@pytest.mark.requirement("ROOM-57")
async def test_completion_closes_it_for_both_sides_at_once(world: Any) -> None:
    room = await world.in_work()
    async with world.socket(room, "patient") as patient, world.socket(room, "clinician") as doctor:
        await patient.until("caught_up")
        await doctor.until("caught_up")
        await world.send("POST", f"/{room}/completion", who="clinician")
        await patient.until("state", status="COMPLETED")
        await patient.say(say("Ещё вопрос"))
        refused = await patient.until("problem")
        assert (refused["code"], refused["status"]) == ("CONSULTATION_CLOSED", 409)
        assert refused["client_message_id"] == str(UUID(int=1))
        await world.settle()
        for side in (patient, doctor):
            await side.until("message", text="Консультация завершена. Будьте здоровы!")
            closed = await side.hear()
            while closed["kind"] == "state":
                closed = await side.hear()
            assert closed == {"kind": "closed", "code": 1000, "reason": "CONSULTATION_CLOSED"}
    async with world.socket(room, "patient", last_seen=4) as reader:
        await reader.until("message", text="Консультация завершена. Будьте здоровы!")
        await reader.until("state", status="COMPLETED")
        assert (await reader.hear())["code"] == 1000


async def test_it_ends_although_the_last_messages_do_not_come(world: Any) -> None:
    room = await world.in_work()
    async with world.socket(room, "patient") as patient:
        await patient.until("caught_up")
        await world.send("POST", f"/{room}/completion", who="clinician")
        await patient.until("state", status="COMPLETED")
        assert (await patient.hear())["code"] == 1000


@pytest.mark.requirement("ROOM-16", "BIL-45")
async def test_an_unpaid_room_is_not_entered_live(world: Any) -> None:
    room = await world.opened(payment_status="UNPAID", payment_mode="BOOK_THEN_PAY_TO_ENTER")
    async with world.socket(room) as patient:
        refused = await patient.hear()
        assert (refused["kind"], refused["status"]) == ("problem", 402)
        assert refused["code"] == "PAYMENT_REQUIRED"
        assert await patient.hear() == {"kind": "closed", "code": 1008, "reason": refused["code"]}
    await world.tell(world.paid())
    async with world.socket(room) as patient:
        await patient.until("state", status="PATIENT_WAITING")


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("not json", "FRAME_INVALID"),
        ('{"kind": "say"}', "FRAME_INVALID"),
        ('{"kind": "heartbeat"}', "HELLO_EXPECTED"),
        ('{"kind": "hello", "token": "%s"}' % ("x" * 70_000), "FRAME_INVALID"),
    ],
)
async def test_the_first_frame_is_hello(world: Any, first: str, reason: str) -> None:
    room = await world.opened()
    async with world.socket(room, hello=first) as client:
        assert await client.hear() == {"kind": "closed", "code": 1008, "reason": reason}


async def test_hello_comes_within_its_time(world: Any) -> None:
    room = await world.opened()
    hasty = await world.open_process(world.terms(hello_within=0.05))
    async with world.socket(room, hello="", process=hasty) as client:
        assert (await client.hear())["reason"] == "HELLO_EXPECTED"


async def test_a_second_hello_or_nonsense_ends_it(world: Any) -> None:
    room = await world.opened()
    for frame in ({"kind": "hello", "token": "x"}, "[]", {"kind": "say", "text": "x" * 4001}):
        async with world.socket(room) as client:
            await client.until("caught_up")
            await client.say(frame)
            closed = await client.hear()
            while closed["kind"] != "closed":
                closed = await client.hear()
            assert closed["code"] == 1008


async def test_it_ends_with_the_token_unless_a_new_one_is_shown(world: Any) -> None:
    room = await world.opened()
    async with world.socket(room) as client:
        await client.until("caught_up")
        world.clock.advance(timedelta(minutes=4, seconds=1))
        await client.until("token_wanted")
        await client.say({"kind": "token", "token": world.token("patient")})
        await client.say(say("Я ещё здесь"))
        await client.until("ack")
        world.clock.advance(timedelta(minutes=1))
        await client.say(say("И теперь", 2))
        await client.until("ack")
        world.clock.advance(timedelta(minutes=4))
        closed = await client.hear()
        while closed["kind"] != "closed":
            closed = await client.hear()
        assert (closed["code"], closed["reason"]) == (4401, "TOKEN_EXPIRED")


@pytest.mark.requirement("IDN-27")
async def test_it_ends_with_the_session_and_is_not_opened_again(world: Any) -> None:
    room, signed_out = await world.in_work(), UUID(int=77)
    async with (
        world.socket(room, "patient", session_id=signed_out) as client,
        world.socket(room, "clinician") as doctor,
    ):
        await client.until("state", status="IN_WORK")
        await doctor.until("state", status="IN_WORK")
        world.guard.ended.add(signed_out)
        closed = await client.until("closed")
        assert (closed["code"], closed["reason"]) == (4403, "SESSION_ENDED")
        await doctor.say(say("Вы здесь?"))
        await doctor.until("ack")
    async with world.socket(room, "patient", session_id=signed_out) as client:
        assert (await client.until("problem"))["code"] == "SESSION_ENDED"


async def test_an_outage_of_identity_ends_no_talk(world: Any) -> None:
    room = await world.in_work()
    async with world.socket(room, "patient") as client:
        await client.until("state", status="IN_WORK")
        world.guard.ended = None
        await asyncio.sleep(5 * world.terms().tick)
        await client.say(say("Я ещё здесь"))
        await client.until("ack")


@pytest.mark.parametrize("who", ["clinician", "manager", "stranger", "nobody"])
async def test_a_new_token_must_be_of_the_same_person(world: Any, who: str) -> None:
    room = await world.opened()
    token = {
        "clinician": world.token("clinician"),
        "manager": world.token("manager"),
        "stranger": world.token("patient", patient_id=world.other_patient),
        "nobody": "x",
    }[who]
    async with world.socket(room) as client:
        await client.until("state", status="PATIENT_WAITING")
        await client.say({"kind": "token", "token": token})
        refused = await client.until("problem")
        assert refused["status"] in {401, 403}
        assert (await client.hear())["code"] == 1008


async def test_a_slow_reader_is_cut_off(world: Any) -> None:
    room = await world.in_work()
    narrow = await world.open_process(world.terms(queued_frames=5))
    async with world.socket(room, "patient", process=narrow) as patient:
        await patient.until("state", status="IN_WORK")
        patient.reads.clear()
        for number in range(8):
            await world.send(
                "POST",
                f"/{room}/messages",
                {"client_message_id": str(UUID(int=number)), "text": f"{number}"},
                who="clinician",
            )
        await asyncio.sleep(0.1)
        patient.reads.set()
        frame = await patient.hear()
        while frame["kind"] == "message":
            frame = await patient.hear()
        assert (frame["code"], frame["reason"]) == (1013, "SLOW_CONSUMER")


async def test_a_reader_who_takes_nothing_is_cut_off(world: Any) -> None:
    room = await world.in_work()
    strict = await world.open_process(world.terms(send_within=0.05))
    async with world.socket(room, process=strict) as patient:
        await patient.until("state", status="IN_WORK")
        patient.reads.clear()
        words = {"client_message_id": str(UUID(int=1)), "text": "Слышите?"}
        await world.send("POST", f"/{room}/messages", words, who="clinician")
        await asyncio.sleep(0.2)
        patient.reads.set()
        closed = await patient.hear()
        assert (closed["code"], closed["reason"]) == (1013, "SLOW_CONSUMER")


async def test_heartbeats_are_sent_and_wanted(world: Any) -> None:
    room = await world.opened()
    terms = world.terms(heartbeat_every=0.05, silent_after=0.5)
    process = await world.open_process(terms)
    async with world.socket(room, process=process) as client:
        for _ in range(3):
            await client.until("heartbeat")
            await client.say({"kind": "heartbeat"})
        frame = await client.hear()
        while frame["kind"] == "heartbeat":
            frame = await client.hear()
        assert (frame["code"], frame["reason"]) == (4408, "SILENT")


async def test_when_the_news_are_lost_clients_come_again(world: Any) -> None:
    room = await world.opened()
    process = await world.open_process()
    async with world.socket(room, process=process) as client:
        await client.until("state", status="PATIENT_WAITING")
        await world.stop_listening(process)
        closed = await client.hear()
        assert (closed["code"], closed["reason"]) == (1012, "TRY_AGAIN")
    hasty = await world.open_process(world.terms(hello_within=0.05))
    await world.stop_listening(hasty)
    async with world.socket(room, process=hasty) as client:
        assert (await client.hear())["code"] == 1012


async def test_an_unreachable_keyring_is_told_as_such(world: Any) -> None:
    room = await world.opened()
    async with world.socket(room) as client:
        await client.until("state", status="PATIENT_WAITING")
        await world.keyring.destroy("north", world.patient)
        world.sealers.forget("north", world.patient)
        await client.say(say("Не записать"))
        assert (await client.until("problem"))["code"] == "SUBJECT_ERASED"


async def test_an_idempotency_key_of_the_handshake_names_no_command(world: Any) -> None:
    room = await world.opened()
    async with world.socket(room, headers={"Idempotency-Key": "k"}) as client:
        await client.until("state", status="PATIENT_WAITING")

    async def has_left() -> bool:
        left: list[str] = await world.facts("PatientLeft")
        return left == ["PatientLeft"]

    await until(has_left)


class Overtaken(MemoryEventStore):
    """Nothing is readable in order yet: an older transaction is still open."""

    @override
    async def horizon(self) -> Cursor:
        return START


@pytest.mark.requirement("ROOM-31")
async def test_news_begins_at_what_everybody_can_read_not_at_the_newest_commit(
    world: Any,
) -> None:
    room = await world.in_work()
    overtaken = Overtaken()
    overtaken.__dict__.update(world.store.__dict__)
    live, heard = build_live(overtaken), list[News]()
    listening = asyncio.create_task(live.run())
    with live.joined(TenantId("north"), room, Listener(heard.append, lambda: None)):

        async def told() -> bool:
            return sum(isinstance(news.event, SystemMessagePosted) for news in heard) == 4

        await until(told)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
