"""From the booked appointment to the end, as doctors and patients see it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.consultation_room import ConsultationCompleted, ConsultationOpened

MOMENT = timedelta(microseconds=1)
LEAD = timedelta(minutes=15)


@pytest.mark.requirement("ROOM-01")
async def test_an_online_appointment_has_one_room_that_keeps_what_matters(world: Any) -> None:
    room = await world.opened(consultation_type="REPEAT", preferred_channel="VIDEO")
    await world.tell(world.reserved(consultation_type="REPEAT", preferred_channel="VIDEO"), times=3)
    assert await world.facts("ConsultationOpened") == ["ConsultationOpened"]
    shown = await world.get(f"/{room}")
    fact = world.reserved()
    assert shown["appointment_id"] == str(fact.appointment_id)
    assert (shown["patient_id"], shown["clinician_id"]) == (str(world.patient), str(world.doctor))
    assert shown["planned_start"] == "2026-12-01T13:00:00+03:00"
    assert (shown["zone"], shown["zone_label"]) == ("Europe/Moscow", "UTC+3")
    assert shown["duration_minutes"] == 30
    assert shown["service_id"] == str(fact.service_id)
    assert (shown["consultation_type"], shown["preferred_channel"]) == ("REPEAT", "VIDEO")
    assert shown["status"] == "PLANNED"


async def test_a_clinic_appointment_has_no_room(world: Any) -> None:
    await world.tell(world.reserved(kind="CLINIC"))
    assert await world.facts() == []


async def test_the_room_moves_and_ends_with_the_appointment(world: Any) -> None:
    room = await world.opened()
    await world.tell(world.rescheduled(world.start + timedelta(days=1)))
    assert (await world.get(f"/{room}"))["planned_start"] == "2026-12-02T13:00:00+03:00"
    await world.tell(world.cancelled(), times=2)
    shown = await world.get(f"/{room}")
    assert (shown["status"], shown["can_connect"]) == ("CANCELLED", False)
    assert (await world.send("POST", f"/{room}/connection")).json()["code"] == (
        "CONSULTATION_CLOSED"
    )
    last = (await world.get(f"/{room}/messages"))["items"][-1]
    assert last["text"] == "Приём отменён, консультация не состоится."


async def test_moves_of_clinic_appointments_and_lapsed_holds_change_nothing(world: Any) -> None:
    moved = world.rescheduled(world.start).model_copy(update={"kind": "CLINIC"})
    await world.tell(moved, world.cancelled())
    assert await world.facts() == []


@pytest.mark.requirement("BKG-30")
async def test_a_lapsed_hold_that_is_heard_of_again_does_not_end_what_came_back(world: Any) -> None:
    """The money came late and bought the slot after all; then a crash made both facts come again."""
    hold_ended = {"was_reserved": False, "by": "SYSTEM", "reason": "HOLD_EXPIRED"}
    await world.tell(world.cancelled().model_copy(update=hold_ended))
    room = await world.opened()
    await world.handle_all_again()
    assert (await world.get(f"/{room}"))["status"] == "PLANNED"


@pytest.mark.requirement("ROOM-16", "BIL-45")
async def test_an_unpaid_room_is_closed_until_the_payment_arrives(world: Any) -> None:
    room = await world.opened(payment_status="UNPAID", payment_mode="BOOK_THEN_PAY_TO_ENTER")
    assert (await world.get(f"/{room}"))["can_connect"] is False
    say = {"client_message_id": str(UUID(int=1)), "text": "Здравствуйте"}
    for method, path, body in (
        ("POST", "connection", None),
        ("POST", "messages", say),
        ("GET", "messages", None),
        ("GET", f"files/{UUID(int=1)}", None),
    ):
        refused = await world.send(method, f"/{room}/{path}", body)
        assert (refused.status_code, refused.json()["code"]) == (402, "PAYMENT_REQUIRED"), path
        assert refused.json()["facts"] == {"appointment_id": str(world.reserved().appointment_id)}
        assert "/api/v1/invoices?appointment_id=" in refused.json()["detail"]
    assert (await world.upload(room, b"%PDF-1.7", "a.pdf")).status_code == 402
    world.clock.set(world.start)
    assert (await world.send("POST", f"/{room}/taking", who="clinician")).status_code == 402

    await world.tell(world.paid(), times=2)
    assert (await world.send("POST", f"/{room}/connection")).json()["status"] == "PATIENT_WAITING"
    assert (await world.send("POST", f"/{room}/messages", say)).status_code == 201
    await world.settle()
    assert (await world.get(f"/{room}"))["payment_status"] == "PAID"


@pytest.mark.requirement("BIL-45")
async def test_a_payment_may_come_before_the_room_and_go_back_after_it(world: Any) -> None:
    await world.tell(world.paid())
    room = await world.opened(payment_status="UNPAID", payment_mode="BOOK_THEN_PAY_TO_ENTER")
    assert (await world.send("POST", f"/{room}/connection")).status_code == 200
    await world.tell(world.refunded())
    assert (await world.send("POST", f"/{room}/connection")).status_code == 402
    assert (await world.get(f"/{room}"))["payment_status"] == "REFUNDED"


@pytest.mark.requirement("ROOM-07", "OPS-14")
async def test_the_doctor_takes_it_from_fifteen_minutes_before_on(world: Any) -> None:
    room = await world.opened()
    world.clock.set(world.start - LEAD - MOMENT)
    early = await world.send("POST", f"/{room}/taking", who="clinician")
    assert (early.status_code, early.json()["code"]) == (409, "TOO_EARLY")
    assert early.json()["facts"]["allowed_at"] == "2026-12-01T09:45:00Z"
    world.clock.set(world.start - LEAD)
    taken = await world.send("POST", f"/{room}/taking", who="clinician")
    assert taken.json()["status"] == "IN_WORK"


@pytest.mark.requirement("ROOM-07", "OPS-15")
async def test_the_lead_is_the_clinics_policy(world: Any) -> None:
    room = await world.opened()
    await world.policy("take_lead_minutes", 0)
    world.clock.set(world.start - MOMENT)
    assert (await world.send("POST", f"/{room}/taking", who="clinician")).status_code == 409
    world.clock.set(world.start)
    assert (await world.send("POST", f"/{room}/taking", who="clinician")).status_code == 200


@pytest.mark.requirement("ROOM-08")
async def test_of_two_doctors_who_take_it_at_once_the_assigned_one_wins(world: Any) -> None:
    room = await world.opened()
    world.clock.set(world.start)
    answers = await asyncio.gather(
        world.send("POST", f"/{room}/taking", who="clinician", clinician_id=world.other_doctor),
        world.send("POST", f"/{room}/taking", who="clinician"),
        world.send("POST", f"/{room}/taking", who="clinician"),
    )
    assert [answer.status_code for answer in answers] == [403, 200, 200]
    assert await world.facts("ConsultationTakenInWork") == ["ConsultationTakenInWork"]


@pytest.mark.requirement("ROOM-03", "ROOM-04", "OPS-14")
async def test_the_doctors_lists_follow_the_consultation_and_the_clock(world: Any) -> None:
    room = str(await world.opened())
    other = str(await world.opened("second", clinician_id=world.other_doctor))

    async def lists() -> dict[str, list[str]]:
        found = {}
        for name in ("new", "overdue", "in_work", "closed"):
            page = await world.get(f"?list={name}", who="clinician")
            found[name] = [item["consultation_id"] for item in page["items"]]
            assert page["counts"] == page["counts"] | {name: len(found[name])}
            assert all(item["overdue"] is (name == "overdue") for item in page["items"])
        return found

    empty: dict[str, list[str]] = {"new": [], "overdue": [], "in_work": [], "closed": []}
    for instant in (world.start - MOMENT, world.start):
        world.clock.set(instant)
        assert await lists() == {**empty, "new": [room]}
    world.clock.set(world.start + MOMENT)
    assert await lists() == {**empty, "overdue": [room]}
    await world.send("POST", f"/{room}/connection")
    await world.settle()
    assert await lists() == {**empty, "overdue": [room]}
    await world.send("POST", f"/{room}/taking", who="clinician")
    await world.settle()
    assert await lists() == {**empty, "in_work": [room]}
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    assert await lists() == {**empty, "closed": [room]}
    everything = await world.get("", who="manager")
    assert {item["consultation_id"] for item in everything["items"]} == {room, other}


async def test_lists_come_in_pages_and_by_appointment(world: Any) -> None:
    rooms = [
        str(await world.opened(f"a{n}", starts_at=world.start + timedelta(hours=n)))
        for n in range(5)
    ]
    seen, cursor = [], ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = await world.get(f"?list=new&limit=2{more}", who="clinician")
        seen += [item["consultation_id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == rooms
    one = await world.get(f"?appointment_id={world.reserved('a3').appointment_id}")
    assert [item["consultation_id"] for item in one["items"]] == [rooms[3]]
    wrong = await world.send("GET", "?cursor=nonsense", who="clinician")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "CURSOR_INVALID")


@pytest.mark.requirement("GW-24", "ROOM-03")
@pytest.mark.parametrize("who", ["patient", "clinician"])
async def test_who_has_no_card_sees_nobodys_consultations(world: Any, who: str) -> None:
    """A filter that is missing would show the whole clinic's."""
    await world.opened()
    nameless = await world.send("GET", "", who=who, **{f"{who}_id": None})
    assert (nameless.status_code, nameless.json()["code"]) == (403, "NOT_YOURS")


@pytest.mark.requirement("ROOM-23", "ROOM-57", "ROOM-60", "ROOM-62")
async def test_completion_says_what_happens_next_and_leaves_it_readable(world: Any) -> None:
    await world.policy("call_centre_phones", ["+7 495 000-00-00"])
    room = await world.in_work()
    refused = await world.send("POST", f"/{room}/completion", who="manager")
    assert refused.status_code == 403
    done = await world.send("POST", f"/{room}/completion", who="clinician", key="done")
    again = await world.send("POST", f"/{room}/completion", who="clinician", key="done")
    assert done.json() == again.json() == {"consultation_id": str(room), "status": "COMPLETED"}

    # At once, before anything that follows from it has happened.
    say = {"client_message_id": str(UUID(int=7)), "text": "Ещё вопрос"}
    for who in ("patient", "clinician"):
        closed = await world.send("POST", f"/{room}/messages", say, who=who)
        assert (closed.status_code, closed.json()["code"]) == (409, "CONSULTATION_CLOSED")
        upload = await world.upload(room, b"%PDF-1.7", "a.pdf", who=who)
        assert upload.json()["code"] == "CONSULTATION_CLOSED"
    await world.settle()
    assert (await world.send("POST", f"/{room}/messages", say)).status_code == 409

    for who in ("patient", "clinician"):
        texts = [item["text"] for item in (await world.get(f"/{room}/messages", who=who))["items"]]
        assert texts[-3:] == [
            "Заключение появится в вашем личном кабинете в течение 24 ч.",
            "Записаться на обследования можно по телефону: +7 495 000-00-00.",
            "Консультация завершена. Будьте здоровы!",
        ]
    history = await world.get("?list=closed", who="clinician")
    assert [item["status"] for item in history["items"]] == ["COMPLETED"]


@pytest.mark.requirement("ROOM-61")
async def test_the_history_shows_the_conclusion_once_it_is_published(world: Any) -> None:
    room = await world.in_work()
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    (before,) = (await world.get("?list=closed", who="clinician"))["items"]
    assert (before["conclusion_id"], before["conclusion_published_at"]) == (None, None)
    published = world.concluded(room)
    await world.tell(published)
    for who in ("patient", "clinician"):
        (shown,) = (await world.get("?list=closed", who=who))["items"]
        assert shown["conclusion_id"] == str(published.conclusion_id)
        assert shown["conclusion_published_at"] is not None
        chat = await world.get(f"/{room}/messages", who=who)
        assert chat["items"], "read-only, with its messages"


@pytest.mark.requirement("OPS-15")
async def test_a_running_consultation_keeps_the_policies_it_started_with(world: Any) -> None:
    await world.policy("conclusion_due_hours", 48)
    room = await world.in_work()
    world.clock.advance(timedelta(minutes=1))
    await world.policy("conclusion_due_hours", 1)
    await world.policy("file_types", ["png"])
    assert (await world.upload(room, b"%PDF-1.7\n", "a.pdf")).status_code == 201
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    texts = [item["text"] for item in (await world.get(f"/{room}/messages"))["items"]]
    assert "Заключение появится в вашем личном кабинете в течение 48 ч." in texts
    later = await world.opened("later", starts_at=world.start + timedelta(hours=2))
    assert (await world.upload(later, b"%PDF-1.7\n", "a.pdf")).status_code == 422


@pytest.mark.requirement("ROOM-02", "ROOM-05", "OPS-14")
async def test_a_clinic_may_let_untaken_consultations_expire(world: Any) -> None:
    forever = await world.opened("without the policy")
    await world.policy("no_show_minutes", 60)
    room = await world.opened()
    taken = await world.opened("taken")
    late = world.start + timedelta(minutes=90)
    world.clock.set(world.start)
    await world.send("POST", f"/{taken}/taking", who="clinician")

    async def statuses() -> list[str]:
        await world.settle()
        return [(await world.get(f"/{one}"))["status"] for one in (forever, room, taken)]

    world.clock.set(late - MOMENT)
    assert await statuses() == ["PLANNED", "PLANNED", "IN_WORK"]
    world.clock.set(late)
    assert await statuses() == ["PLANNED", "EXPIRED", "IN_WORK"]
    last = (await world.get(f"/{room}/messages"))["items"][-1]
    assert last["text"] == "Консультация не состоялась: время для неё прошло."
    assert (await world.get(f"/{room}"))["can_connect"] is False


async def test_its_life_is_published_and_its_chat_is_not(world: Any) -> None:
    room = await world.in_work()
    await world.send(
        "POST", f"/{room}/messages", {"client_message_id": str(UUID(int=1)), "text": "Болит"}
    )
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    told = world.bus.published
    assert [envelope.type for envelope in told] == [
        "ConsultationOpened.v1",
        "ConsultationTakenInWork.v1",
        "ConsultationCompleted.v1",
    ]
    opened = ConsultationOpened.model_validate_json(told[0].data)
    assert opened.planned_start == world.start
    assert ConsultationCompleted.model_validate_json(told[2].data).accepted_at == world.start


async def test_two_clinics_do_not_see_each_others_rooms(world: Any) -> None:
    room = await world.opened()
    await world.opened("south", tenant="south")
    page = await world.get("", who="administrator")
    assert [item["consultation_id"] for item in page["items"]] == [str(room)]
    for method, path in (
        ("GET", ""),
        ("POST", "/connection"),
        ("POST", "/taking"),
        ("GET", "/messages"),
    ):
        answer = await world.send(
            method,
            f"/{room}{path}",
            who="clinician" if path == "/taking" else "patient",
            tenant="south",
        )
        assert answer.status_code == 404, path
