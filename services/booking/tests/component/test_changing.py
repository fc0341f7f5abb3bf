"""Cancelling and moving."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from booking.domain.appointment.commands import RecordPayment
from booking.domain.appointment.state import Reserved
from event_store import CommandContext, Metadata
from messaging.testing import running, until
from vocabulary.ids import AppointmentId

START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
IN_TIME = START - timedelta(minutes=120)


async def cancel(world: Any, appointment_id: str, **options: Any) -> Any:
    body = {"reason": "PLANS_CHANGED"}
    path = f"/api/v1/appointments/{appointment_id}/cancellation"
    answer = await world.send("POST", path, body, **options)
    await world.settle()
    return answer


async def move(world: Any, appointment_id: str, wall: str, **options: Any) -> Any:
    """Move while the processes are running."""
    path = f"/api/v1/appointments/{appointment_id}/rescheduling"
    body = {"starts_at": f"2026-12-01T{wall}:00+03:00"}
    async with running(*world.stage.flows.values()):
        answer = await world.send("POST", path, body, **options)
    await world.settle()
    return answer


async def is_moving(world: Any, appointment_id: str) -> bool:
    state, _ = await world.booking.appointments.load(tenant="north", key=appointment_id)
    return isinstance(state, Reserved) and state.open_move is not None


@pytest.mark.requirement("BKG-49", "BKG-50", "OPS-14")
@pytest.mark.parametrize(
    ("at", "refund"),
    [
        (IN_TIME - timedelta(microseconds=1), True),
        (IN_TIME, True),
        (IN_TIME + timedelta(microseconds=1), False),
    ],
)
async def test_a_patient_who_cancels_in_time_gets_the_money_back(
    world: Any, at: datetime, refund: bool
) -> None:
    appointment_id = await world.reserved()
    world.clock.set(at)
    answer = await cancel(world, appointment_id)
    assert answer.json() == {
        "appointment_id": appointment_id,
        "status": "CANCELLED",
        "refund_eligible": refund,
    }
    assert await world.free() == ["10:00", "10:30", "11:00"]
    told = (await world.envelopes())[-1]
    assert told.type == "AppointmentCancelled.v1"
    assert f'"refund_eligible":{str(refund).lower()}'.encode() in told.data
    again = await cancel(world, appointment_id)
    assert again.json() == answer.json()
    assert (await world.told()).count("AppointmentCancelled.v1") == 1


async def test_a_hold_can_be_cancelled_before_its_appointment_exists(world: Any) -> None:
    held = (await world.reserve()).json()
    await world.runner.drain()
    async with running(*world.stage.flows.values()):
        answer = await world.send(
            "POST", f"/api/v1/appointments/{held['appointment_id']}/cancellation", {}
        )
    assert (answer.status_code, answer.json()["refund_eligible"]) == (200, True)
    await world.settle()
    assert await world.free() == ["10:00", "10:30", "11:00"]
    await world.pay(held["appointment_id"])
    assert (await world.told())[-1] == "LatePaymentRefused.v1"


@pytest.mark.requirement("BKG-30")
async def test_late_money_does_not_undo_the_cancellation_of_a_lapsed_hold(world: Any) -> None:
    appointment_id = (await world.reserve()).json()["appointment_id"]
    await world.settle()
    await world.pass_time(world.hold)
    answer = await cancel(world, appointment_id)
    assert (answer.status_code, answer.json()["refund_eligible"]) == (200, True)
    assert (await world.told()).count("AppointmentCancelled.v1") == 2
    await world.pay(appointment_id, times=2)
    shown = await world.get(f"/api/v1/appointments/{appointment_id}")
    ended = ("status", "payment_status", "cancelled_by", "late_payment_refused")
    assert [shown[field] for field in ended] == ["CANCELLED", "UNPAID", "PATIENT", True]
    assert (await world.told())[-1] == "LatePaymentRefused.v1"
    assert (await world.told()).count("LatePaymentRefused.v1") == 1
    assert await world.free() == ["10:00", "10:30", "11:00"]


@pytest.mark.requirement("BKG-30")
async def test_a_lapsed_hold_that_is_given_up_while_its_money_books_it_stays_given_up(
    world: Any,
) -> None:
    appointment_id = (await world.reserve()).json()["appointment_id"]
    await world.settle()
    await world.pass_time(world.hold)
    known = AppointmentId(UUID(appointment_id))
    record = RecordPayment(appointment_id=known, invoice_id=world.invoice)
    about = Metadata(
        tenant="north",
        actor="service:billing",
        role="service",
        time=world.clock.now(),
        correlation=world.invoice,
    )
    context = CommandContext(command_id=world.invoice, metadata=about)
    await world.booking.appointments.handle(record, key=appointment_id, context=context)
    await cancel(world, appointment_id)
    shown = await world.get(f"/api/v1/appointments/{appointment_id}")
    assert (shown["status"], shown["late_payment_refused"]) == ("CANCELLED", True)
    assert (await world.told()).count("LatePaymentRefused.v1") == 1
    assert "AppointmentReserved.v1" not in await world.told()
    assert await world.free() == ["10:00", "10:30", "11:00"]


@pytest.mark.requirement("BKG-49", "OPS-15")
async def test_where_only_unpaid_ones_may_be_cancelled_the_clinic_does_it(world: Any) -> None:
    await world.set_policy("cancel_policy", "UNPAID_ONLY")
    appointment_id = await world.reserved()
    refused = await cancel(world, appointment_id)
    assert (refused.status_code, refused.json()["code"]) == (
        409,
        "PAID_APPOINTMENT_NOT_CANCELLABLE",
    )
    moved = await move(world, appointment_id, "11:00")
    assert (moved.status_code, moved.json()["code"]) == (409, "PAID_APPOINTMENT_NOT_CANCELLABLE")
    assert (await move(world, appointment_id, "11:00", who="manager")).status_code == 200
    assert (await cancel(world, appointment_id, who="manager")).json()["refund_eligible"]
    shown = await world.get(f"/api/v1/appointments/{appointment_id}")
    assert (shown["cancelled_by"], shown["cancel_reason"]) == ("CLINIC", "PLANS_CHANGED")


async def test_a_doctor_cancels_at_any_time_with_a_refund(world: Any) -> None:
    appointment_id = await world.reserved()
    world.clock.set(START)
    late = await cancel(world, appointment_id)
    assert late.json()["code"] == "APPOINTMENT_STARTED"
    answer = await cancel(world, appointment_id, who="clinician")
    assert answer.json()["refund_eligible"]
    shown = await world.get(f"/api/v1/appointments/{appointment_id}")
    assert shown["cancelled_by"] == "DOCTOR"


async def test_a_doctor_who_is_the_patient_cancels_as_a_patient(world: Any) -> None:
    appointment_id = await world.reserved()
    world.clock.set(IN_TIME + timedelta(microseconds=1))
    doctor = {"who": "clinician", "clinician_id": world.other_doctor}
    answer = await cancel(world, appointment_id, **doctor, patient_id=world.patient)
    assert not answer.json()["refund_eligible"]
    assert (await world.get(f"/api/v1/appointments/{appointment_id}"))["cancelled_by"] == "PATIENT"


async def test_a_hold_that_was_given_up_leaves_no_timer(world: Any) -> None:
    held = (await world.reserve()).json()
    await world.settle()
    due = world.clock.now() + world.hold
    assert due in await world.deadlines()
    await cancel(world, held["appointment_id"])
    assert due not in await world.deadlines()


@pytest.mark.requirement("BKG-51")
async def test_a_move_keeps_appointment_and_payment_and_swaps_the_slots(world: Any) -> None:
    appointment_id = await world.reserved("10:00")
    answer = await move(world, appointment_id, "11:00", key="move")
    assert (answer.status_code, answer.json()["starts_at"]) == (200, "2026-12-01T11:00:00+03:00")
    assert await world.status_of(appointment_id) == ("RESERVED", "PAID")
    assert await world.free() == ["10:00", "10:30"]
    again = await move(world, appointment_id, "11:00", key="move")
    assert (again.status_code, again.json()) == (200, answer.json())
    assert (await world.told()).count("AppointmentRescheduled.v1") == 1
    back = await move(world, appointment_id, "10:00")
    assert (back.status_code, back.json()["moves"]) == (200, 2)
    assert await world.free() == ["10:30", "11:00"]
    assert await world.double_bookings() == 0


@pytest.mark.requirement("BKG-51", "BKG-26")
async def test_a_move_to_a_taken_slot_is_declined_and_the_old_one_stays(world: Any) -> None:
    appointment_id = await world.reserved("10:00")
    await world.reserve("11:00", patient_id=world.rival)
    await world.settle()
    answer = await move(world, appointment_id, "11:00", key="move")
    assert (answer.status_code, answer.json()["code"]) == (409, "SLOT_TAKEN")
    left = answer.json()["facts"]["free_slots"]
    assert [slot["starts_at"][11:16] for slot in left] == ["10:30"]
    assert await world.free() == ["10:30"]
    again = await move(world, appointment_id, "11:00", key="move")
    assert again.json()["code"] == "SLOT_TAKEN"
    shown = await world.get(f"/api/v1/appointments/{appointment_id}")
    assert (shown["status"], shown["starts_at"]) == ("RESERVED", "2026-12-01T10:00:00+03:00")


@pytest.mark.requirement("BKG-51")
async def test_the_new_slot_is_booked_before_the_old_one_is_free(world: Any) -> None:
    appointment_id = await world.reserved("10:00")
    await move(world, appointment_id, "11:00")
    types = [
        event.type
        async for page in world.store.read_all()
        for event in page.events
        if event.type in {"SlotBooked.v1", "SlotFreed.v1", "AppointmentRescheduled.v1"}
    ]
    assert types == ["SlotBooked.v1", "SlotBooked.v1", "AppointmentRescheduled.v1", "SlotFreed.v1"]


@pytest.mark.requirement("BKG-51", "OPS-14")
async def test_after_the_window_an_appointment_stays_where_it_is(world: Any) -> None:
    appointment_id = await world.reserved("10:00")
    world.clock.set(IN_TIME + timedelta(microseconds=1))
    late = await move(world, appointment_id, "11:00")
    assert (late.status_code, late.json()["code"]) == (409, "RESCHEDULE_TOO_LATE")
    assert late.json()["facts"]["allowed_until"] == "2026-12-01T05:00:00Z"
    world.clock.set(IN_TIME)
    assert (await move(world, appointment_id, "11:00")).status_code == 200


async def test_a_move_that_is_not_decided_in_time_is_accepted_and_asked_for_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.api.changing._PATIENCE_SECONDS", 0.05)
    appointment_id = await world.reserved("10:00")
    path = f"/api/v1/appointments/{appointment_id}/rescheduling"
    body = {"starts_at": "2026-12-01T11:00:00+03:00"}
    waiting = await world.send("POST", path, body, key="move")
    assert (waiting.status_code, waiting.json()["status"]) == (202, "RESCHEDULING")
    other = await world.send("POST", path, {"starts_at": "2026-12-01T10:30:00+03:00"})
    assert other.json()["code"] == "RESCHEDULE_IN_PROGRESS"
    await world.settle()
    done = await world.send("POST", path, body, key="move")
    assert (done.status_code, done.json()["status"]) == (200, "RESERVED")


async def test_an_appointment_cancelled_while_it_moves_leaves_no_slot_taken(world: Any) -> None:
    appointment_id = await world.reserved("10:00")
    path = f"/api/v1/appointments/{appointment_id}"
    body = {"starts_at": "2026-12-01T11:00:00+03:00"}
    moving = asyncio.create_task(world.send("POST", f"{path}/rescheduling", body))
    await until(lambda: is_moving(world, appointment_id))
    await world.send("POST", f"{path}/cancellation", {})
    answer = await moving
    assert (answer.status_code, answer.json()["code"]) == (409, "APPOINTMENT_CANCELLED")
    await world.settle()
    assert await world.free() == ["10:00", "10:30", "11:00"]


@pytest.mark.parametrize("far", ["9999-12-31T23:59:00Z", "0001-01-01T00:00:00%2B03:00"])
async def test_a_time_that_no_calendar_reckons_with_is_malformed(world: Any, far: str) -> None:
    appointment_id = await world.reserved()
    path = f"/api/v1/appointments/{appointment_id}/rescheduling"
    answer = await world.send("POST", path, {"starts_at": far.replace("%2B", "+")})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
    summary = (
        f"/api/v1/doctors/{world.doctor}/slots/{far}/summary?kind=ONLINE&service_id={world.service}"
    )
    answer = await world.send("GET", summary)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")


async def test_there_is_nothing_to_move_to_where_nothing_is_offered(world: Any) -> None:
    appointment_id = await world.reserved("10:00")
    answer = await move(world, appointment_id, "12:00")
    assert (answer.status_code, answer.json()["code"]) == (409, "SLOT_NOT_OFFERED")
    path = f"/api/v1/appointments/{world.invoice}/cancellation"
    assert (await world.send("POST", path, {})).status_code == 404


@pytest.mark.requirement("BKG-51")
async def test_moving_over_a_day_on_which_clocks_change_keeps_the_wall_time(
    empty_world: Any,
) -> None:
    """The branch is in Berlin, where clocks are set back on 25 October 2026."""
    world = empty_world
    world.clock.set(datetime(2026, 10, 20, 8, 0, tzinfo=UTC))
    template = {
        **world.mornings,
        "valid_from": "2026-10-01",
        "weekdays": ["SAT", "SUN"],
        "first_at": "01:00",
        "last_at": "04:00",
        "cells": ["02:00", "02:30", "03:00"],
    }
    await world.open_clinic(zone="Europe/Berlin", template=template)
    assert await world.free(date(2026, 10, 24)) == ["02:00", "02:30", "03:00"]
    assert await world.free(date(2026, 10, 25)) == ["02:00", "02:30", "03:00"]
    answer = await world.reserve("02:30", day=date(2026, 10, 24), offset="+02:00")
    await world.settle()
    appointment_id = answer.json()["appointment_id"]
    await world.pay(appointment_id)
    path = f"/api/v1/appointments/{appointment_id}/rescheduling"
    async with running(*world.stage.flows.values()):
        moved = await world.send("POST", path, {"starts_at": "2026-10-25T03:00:00+01:00"})
    assert moved.json()["text"] == "25 октября 2026\u202fг., 03:00–03:30 (UTC+1)"
    # 120 minutes before 03:00 winter time is 02:00 summer time: hours that passed, not wall time.
    world.clock.set(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))
    late = await cancel(world, appointment_id)
    assert late.json()["refund_eligible"]
