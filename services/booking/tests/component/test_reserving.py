"""From the summary to a paid appointment, or to a refund."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.billing import PricePublished, PriceWithdrawn
from event_store import EventFilter

SUMMARY = "/api/v1/doctors/{doctor}/slots/{start}/summary?kind=ONLINE&service_id={service}"


@pytest.mark.requirement("BKG-23")
async def test_the_summary_lists_everything_before_it_is_confirmed(world: Any) -> None:
    path = SUMMARY.format(
        doctor=world.doctor, start="2026-12-01T10:00:00%2B03:00", service=world.service
    )
    summary = await world.get(path)
    assert summary["institution"]["name"] == "Клиника на Тверской"
    assert summary["patient"] == "Иванов Пётр"
    assert summary["doctor_name"] == "Петрова Алёна Ивановна"
    assert summary["text"] == "1 декабря 2026\u202fг., 10:00–10:30 (UTC+3)"
    assert [service["name"] for service in summary["services"]] == ["Приём терапевта, онлайн"]
    assert (summary["total_kopecks"], summary["hold_minutes"]) == (150_000, 15)
    assert await world.free() == ["10:00", "10:30", "11:00"]


@pytest.mark.requirement("BKG-23")
async def test_only_an_explicit_confirmation_reserves(world: Any) -> None:
    body = {
        "clinician_id": str(world.doctor),
        "starts_at": "2026-12-01T10:00:00+03:00",
        "kind": "ONLINE",
        "service_id": str(world.service),
    }
    for more in ({}, {"confirmed": False}):
        answer = await world.send("POST", "/api/v1/appointments", {**body, **more})
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFIRMATION_REQUIRED")
    assert await world.free() == ["10:00", "10:30", "11:00"]
    answer = await world.send("POST", "/api/v1/appointments", {**body, "confirmed": True})
    assert answer.status_code == 201


@pytest.mark.requirement("BKG-29")
async def test_a_payment_within_the_hold_makes_the_appointment_reserved(world: Any) -> None:
    held = (await world.reserve()).json()
    assert (held["status"], held["payment_status"]) == ("HELD", "UNPAID")
    await world.settle()
    assert await world.free() == ["10:30", "11:00"]
    await world.pay(held["appointment_id"])
    assert await world.status_of(held["appointment_id"]) == ("RESERVED", "PAID")
    assert await world.told() == ["AppointmentRequested.v1", "AppointmentReserved.v1"]
    await world.pass_time(world.hold)
    assert await world.status_of(held["appointment_id"]) == ("RESERVED", "PAID")


@pytest.mark.requirement("BKG-29", "OPS-14")
async def test_an_unpaid_hold_ends_exactly_when_it_runs_out(world: Any) -> None:
    held = (await world.reserve()).json()
    await world.settle()
    await world.pass_time(world.hold - world.moment)
    assert await world.free() == ["10:30", "11:00"]
    assert await world.status_of(held["appointment_id"]) == ("HELD", "UNPAID")
    await world.pass_time(world.moment)
    assert await world.free() == ["10:00", "10:30", "11:00"]
    shown = await world.get(f"/api/v1/appointments/{held['appointment_id']}")
    assert shown["status"] == "CANCELLED"
    assert (shown["cancelled_by"], shown["cancel_reason"]) == ("SYSTEM", "HOLD_EXPIRED")


@pytest.mark.requirement("BKG-29", "BKG-30", "OPS-14")
async def test_a_hold_ends_when_its_slot_begins(world: Any) -> None:
    """Ten minutes before the start there are ten minutes to pay, whatever the policy gives."""
    world.clock.set(datetime(2026, 12, 1, 6, 50, tzinfo=UTC))
    path = SUMMARY.format(
        doctor=world.doctor, start="2026-12-01T10:00:00%2B03:00", service=world.service
    )
    assert (await world.get(path))["hold_minutes"] == 10
    held = (await world.reserve()).json()
    assert held["hold_expires_at"] == "2026-12-01T10:00:00+03:00"
    await world.settle()
    await world.pass_time(timedelta(minutes=10) - world.moment)
    assert await world.status_of(held["appointment_id"]) == ("HELD", "UNPAID")
    await world.pass_time(world.moment)
    assert await world.status_of(held["appointment_id"]) == ("CANCELLED", "UNPAID")
    await world.pay(held["appointment_id"])
    assert (await world.told())[-1] == "LatePaymentRefused.v1"


@pytest.mark.requirement("OPS-15")
async def test_how_long_a_hold_lasts_is_the_clinics_policy(world: Any) -> None:
    before = (await world.reserve("10:00")).json()
    await world.set_policy("hold_minutes", 30)
    after = (await world.reserve("10:30", patient_id=world.rival)).json()
    assert before["hold_expires_at"] == "2026-11-30T12:15:00+03:00"
    assert after["hold_expires_at"] == "2026-11-30T12:30:00+03:00"
    await world.settle()
    await world.pass_time(world.hold)
    assert (await world.status_of(before["appointment_id"]))[0] == "CANCELLED"
    rival = {"patient_id": world.rival}
    assert (await world.status_of(after["appointment_id"], **rival))[0] == "HELD"
    holds = EventFilter(families=frozenset({"SlotHeld"}))
    versions = [
        event.meta().policy
        async for page in world.store.read_all(where=holds)
        for event in page.events
    ]
    assert versions == [0, 1]


@pytest.mark.requirement("BKG-30")
async def test_a_late_payment_takes_the_slot_again_while_it_is_free(world: Any) -> None:
    held = (await world.reserve()).json()
    await world.settle()
    await world.pass_time(world.hold)
    await world.pay(held["appointment_id"])
    assert await world.status_of(held["appointment_id"]) == ("RESERVED", "PAID")
    assert (await world.told())[-1] == "AppointmentReserved.v1"
    assert await world.free() == ["10:30", "11:00"]


@pytest.mark.requirement("BKG-30")
async def test_a_late_payment_for_a_lost_slot_is_refused_once(world: Any) -> None:
    held = (await world.reserve()).json()
    await world.settle()
    await world.pass_time(world.hold)
    rival = (await world.reserve(patient_id=world.rival)).json()
    await world.settle()
    await world.pay(held["appointment_id"], times=3)
    shown = await world.get(f"/api/v1/appointments/{held['appointment_id']}")
    assert (shown["status"], shown["late_payment_refused"]) == ("CANCELLED", True)
    assert (await world.told()).count("LatePaymentRefused.v1") == 1
    await world.pay(rival["appointment_id"])
    assert (await world.told()).count("AppointmentReserved.v1") == 1
    assert await world.double_bookings() == 0


@pytest.mark.requirement("BKG-28", "BKG-30")
async def test_a_booking_that_late_money_brought_back_counts_again(world: Any) -> None:
    lapsed = (await world.reserve("10:00")).json()["appointment_id"]
    await world.settle()
    await world.pass_time(world.hold)
    await world.pay(lapsed)
    assert await world.status_of(lapsed) == ("RESERVED", "PAID")
    quota, _ = await world.booking.quotas.load(tenant="north", key=world.patient)
    assert set(quota.live) == {UUID(lapsed)}


@pytest.mark.requirement("BKG-28", "BKG-30")
async def test_late_money_for_one_booking_too_many_goes_back(world: Any) -> None:
    lapsed = (await world.reserve("10:00")).json()["appointment_id"]
    await world.settle()
    await world.pass_time(world.hold)
    other = await world.reserved("10:30")
    await world.pay(lapsed)
    shown = await world.get(f"/api/v1/appointments/{lapsed}")
    assert (shown["status"], shown["late_payment_refused"]) == ("CANCELLED", True)
    assert (await world.told())[-1] == "LatePaymentRefused.v1"
    quota, _ = await world.booking.quotas.load(tenant="north", key=world.patient)
    assert set(quota.live) == {UUID(other)}
    assert await world.free() == ["10:00", "11:00"]


@pytest.mark.requirement("BKG-26")
async def test_the_second_caller_gets_the_slots_that_are_left(world: Any) -> None:
    await world.reserve("10:30")
    answer = await world.reserve("10:30", patient_id=world.rival)
    assert (answer.status_code, answer.json()["code"]) == (409, "SLOT_TAKEN")
    left = answer.json()["facts"]["free_slots"]
    assert [(slot["starts_at"], slot["zone_label"]) for slot in left] == [
        ("2026-12-01T10:00:00+03:00", "UTC+3"),
        ("2026-12-01T11:00:00+03:00", "UTC+3"),
    ]


@pytest.mark.requirement("BKG-26")
async def test_of_many_claims_at_once_one_wins(world: Any) -> None:
    answers = await asyncio.gather(
        *(world.reserve(patient_id=UUID(int=number)) for number in range(1, 51))
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [409] * 49
    await world.settle()
    assert await world.double_bookings() == 0


async def test_a_repeat_under_the_same_key_is_the_same_appointment(world: Any) -> None:
    first = await world.reserve(key="again")
    second = await world.reserve(key="again")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    await world.settle()
    assert (await world.told()) == ["AppointmentRequested.v1"]
    await world.pay(first.json()["appointment_id"])
    paid = await world.reserve(key="again")
    assert paid.json()["status"] == "RESERVED"


async def test_a_repeat_after_the_end_says_that_it_has_ended(world: Any) -> None:
    first = await world.reserve(key="again")
    await world.settle()
    await world.pass_time(world.hold)
    late = await world.reserve(key="again")
    assert late.json()["appointment_id"] == first.json()["appointment_id"]
    assert late.json()["status"] == "CANCELLED"
    assert await world.free() == ["10:00", "10:30", "11:00"]


@pytest.mark.requirement("BKG-28")
async def test_an_unconfirmed_patient_has_one_booking_per_doctor(world: Any) -> None:
    first = await world.reserved("10:00")
    again = await world.reserve("10:30")
    assert (again.status_code, again.json()["code"]) == (403, "UNCONFIRMED_LIMIT")
    await world.send("POST", f"/api/v1/appointments/{first}/cancellation", {})
    await world.settle()
    assert (await world.reserve("10:30")).status_code == 201


@pytest.mark.requirement("BKG-28")
async def test_bookings_at_the_same_time_do_not_pass_the_limit_either(world: Any) -> None:
    answers = await asyncio.gather(*(world.reserve(wall) for wall in ("10:00", "10:30", "11:00")))
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    await world.settle()
    statuses = [
        await world.get(f"/api/v1/appointments/{answer.json()['appointment_id']}")
        for answer in answers
    ]
    reasons = sorted(str(shown["cancel_reason"]) for shown in statuses)
    assert reasons == ["None", "UNCONFIRMED_LIMIT", "UNCONFIRMED_LIMIT"]
    assert len(await world.free()) == 2


@pytest.mark.requirement("BKG-28")
async def test_a_confirmed_patient_books_as_often_as_they_like(world: Any) -> None:
    confirmed = await world.registered(world.patient, "Иванов", status="CONFIRMED")
    await world.tell(confirmed)
    await world.reserved("10:00")
    assert (await world.reserve("10:30")).status_code == 201


@pytest.mark.parametrize(
    ("mode", "payment"), [("FREE", "NOT_REQUIRED"), ("BOOK_THEN_PAY_TO_ENTER", "UNPAID")]
)
async def test_where_nothing_is_due_before_the_slot_is_reserved_at_once(
    world: Any, mode: str, payment: str
) -> None:
    await world.set_policy("payment_mode", mode)
    answer = (await world.reserve()).json()
    assert (answer["status"], answer["payment_status"]) == ("RESERVED", payment)
    assert answer["hold_expires_at"] is None
    await world.settle()
    assert await world.status_of(answer["appointment_id"]) == ("RESERVED", payment)
    assert await world.told() == ["AppointmentRequested.v1", "AppointmentReserved.v1"]
    await world.pass_time(world.hold)
    assert (await world.status_of(answer["appointment_id"]))[0] == "RESERVED"


async def test_who_pays_to_enter_is_paid_later(world: Any) -> None:
    await world.set_policy("service_payment_modes", {str(world.service): "BOOK_THEN_PAY_TO_ENTER"})
    appointment_id = await world.reserved()
    assert await world.status_of(appointment_id) == ("RESERVED", "PAID")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"starts_at": "2026-12-01T10:15:00+03:00"}, "SLOT_NOT_OFFERED"),
        ({"starts_at": "2026-12-05T10:00:00+03:00"}, "SLOT_NOT_OFFERED"),
        ({"kind": "CLINIC"}, "SLOT_NOT_OFFERED"),
        ({"service_id": str(UUID(int=1))}, "SERVICE_NOT_OFFERED"),
        ({"clinician_id": str(UUID(int=1))}, "DOCTOR_NOT_FOUND"),
        ({"starts_at": "9999-12-31T23:59:00Z"}, "VALIDATION_FAILED"),
        ({"starts_at": "9999-12-31T23:59:00-23:00"}, "VALIDATION_FAILED"),
        ({"starts_at": "0001-01-01T00:00:00+03:00"}, "VALIDATION_FAILED"),
        ({"starts_at": "2100-01-01T00:00:00+03:00"}, "VALIDATION_FAILED"),
        ({"starts_at": "2099-12-31T23:59:00+03:00"}, "SLOT_NOT_OFFERED"),
    ],
)
async def test_what_is_not_offered_is_not_reserved(
    world: Any, change: dict[str, str], code: str
) -> None:
    body = {
        "clinician_id": str(world.doctor),
        "starts_at": "2026-12-01T10:00:00+03:00",
        "kind": "ONLINE",
        "service_id": str(world.service),
        "confirmed": True,
        **change,
    }
    answer = await world.send("POST", "/api/v1/appointments", body)
    assert answer.json()["code"] == code


async def test_a_slot_that_has_begun_is_not_reserved(world: Any) -> None:
    world.clock.set(world.clock.now().replace(month=12, day=1, hour=7))
    answer = await world.reserve()
    assert (answer.status_code, answer.json()["code"]) == (409, "SLOT_IN_PAST")


def priced(world: Any, price_kopecks: int = 150_000, **scope: Any) -> PricePublished:
    return PricePublished(
        service_id=world.service,
        branch_id=world.branch,
        department="Терапия",
        code="T-1",
        name="Приём терапевта, онлайн",
        price_kopecks=price_kopecks,
        **scope,
    )


@pytest.mark.requirement("BIL-01", "BKG-29")
@pytest.mark.parametrize(
    "scope",
    [{"clinician_ids": [UUID(int=1)]}, {"specialties": ["Хирург"]}, {"kinds": ["CLINIC"]}],
)
async def test_the_service_of_another_doctor_buys_nothing_here(
    world: Any, scope: dict[str, Any]
) -> None:
    await world.tell(priced(world, **scope))
    answer = await world.reserve()
    assert (answer.status_code, answer.json()["code"]) == (409, "SERVICE_NOT_FOR_APPOINTMENT")
    assert (
        answer.json()["title"]
        == "Эта услуга предназначена для других врачей или другого вида приёма"
    )
    path = (
        f"/api/v1/doctors/{world.doctor}/slots/2026-12-01T10:00:00%2B03:00/summary"
        f"?kind=ONLINE&service_id={world.service}"
    )
    assert (await world.send("GET", path)).json()["code"] == "SERVICE_NOT_FOR_APPOINTMENT"
    assert await world.free() == ["10:00", "10:30", "11:00"]
    await world.tell(priced(world, price_kopecks=160_000))
    assert (await world.reserve()).status_code == 201


@pytest.mark.requirement("BIL-01")
async def test_a_service_is_reserved_with_its_own_doctor(world: Any) -> None:
    scope: dict[str, Any] = {
        "clinician_ids": [world.doctor],
        "specialties": ["Хирург"],
        "kinds": ["ONLINE"],
    }
    await world.tell(priced(world, **scope))
    assert (await world.reserve()).status_code == 201


@pytest.mark.requirement("BIL-01")
async def test_also_where_nothing_is_paid_only_what_is_sold_is_reserved(world: Any) -> None:
    await world.set_policy("payment_mode", "FREE")
    unknown = {
        "clinician_id": str(world.doctor),
        "starts_at": "2026-12-01T10:00:00+03:00",
        "kind": "ONLINE",
        "service_id": str(UUID(int=1)),
        "confirmed": True,
    }
    answer = await world.send("POST", "/api/v1/appointments", unknown)
    assert (answer.status_code, answer.json()["code"]) == (409, "SERVICE_NOT_OFFERED")
    await world.tell(PriceWithdrawn(service_id=world.service, branch_id=world.branch))
    assert (await world.reserve()).json()["code"] == "SERVICE_NOT_OFFERED"


async def test_a_withdrawn_service_is_not_reserved(world: Any) -> None:
    await world.tell(PriceWithdrawn(service_id=world.service, branch_id=world.branch))
    assert (await world.reserve()).json()["code"] == "SERVICE_NOT_OFFERED"
