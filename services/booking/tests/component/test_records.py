"""Reading appointments: at once, one's own, in pages, in order."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.consultation_room import (
    ConsultationCompleted,
    ConsultationExpired,
    ConsultationTakenInWork,
)

POSITION = "Kabinet-Position"
CURRENT = (("appointments?filter=current", "patient"), ("doctor/appointments", "clinician"))


async def test_a_reservation_is_seen_at_once_by_who_sends_its_position(world: Any) -> None:
    answer = await world.reserve()
    path = f"/api/v1/appointments/{answer.json()['appointment_id']}"
    position = {POSITION: answer.headers[POSITION]}
    assert (await world.send("GET", path, headers=position)).json()["code"] == "VIEW_BEHIND"
    await world.runner.drain()
    shown = await world.get(path, headers=position)
    assert shown == answer.json()


async def records(world: Any, which: str, **options: Any) -> list[str]:
    shown = await world.get(f"/api/v1/appointments?filter={which}", **options)
    return [item["starts_at"][:16] for item in shown["items"]]


@pytest.mark.requirement("BKG-42")
async def test_own_appointments_are_listed_by_filter(world: Any) -> None:
    await world.set_policy("unconfirmed_limit", 10)
    for day in (date(2026, 12, 1), date(2026, 12, 3), date(2026, 12, 28)):
        await world.reserved("10:00", day=day)
    gone = await world.reserved("10:00", day=date(2026, 12, 29))
    await world.send("POST", f"/api/v1/appointments/{gone}/cancellation", {})
    await world.settle()
    await world.pass_time(timedelta(days=7, hours=22))
    assert await records(world, "current") == ["2026-12-28T10:00"]
    assert await records(world, "last_7_days") == ["2026-12-03T10:00", "2026-12-01T10:00"]
    await world.pass_time(world.moment)
    assert await records(world, "last_7_days") == ["2026-12-03T10:00"]
    assert await records(world, "last_30_days") == ["2026-12-03T10:00", "2026-12-01T10:00"]
    assert len(await records(world, "all")) == 4
    assert await records(world, "all", patient_id=world.rival) == []


@pytest.mark.requirement("BKG-42", "GW-26")
async def test_a_row_names_doctor_time_and_place_with_its_zone(world: Any) -> None:
    await world.reserved()
    (row,) = (await world.get("/api/v1/appointments"))["items"]
    assert row["doctor_name"] == "Петрова Алёна Ивановна"
    assert (row["starts_at"], row["ends_at"]) == (
        "2026-12-01T10:00:00+03:00",
        "2026-12-01T10:30:00+03:00",
    )
    assert (row["weekday"], row["zone"], row["zone_label"]) == ("вторник", "Europe/Moscow", "UTC+3")
    assert (row["kind"], row["institution"]["name"]) == ("ONLINE", "Клиника на Тверской")
    english = await world.get("/api/v1/appointments", headers={"Accept-Language": "en"})
    assert english["items"][0]["weekday"] == "Tuesday"


async def test_lists_come_in_pages(world: Any) -> None:
    await world.set_policy("unconfirmed_limit", 10)
    for wall in ("10:00", "10:30", "11:00"):
        await world.reserved(wall)
    for path, who in (
        ("/api/v1/appointments?", "patient"),
        ("/api/v1/doctor/appointments?", "clinician"),
    ):
        seen: list[str] = []
        cursor = ""
        while True:
            page = await world.get(f"{path}limit=1{cursor}", who=who)
            seen += [item["starts_at"][11:16] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == ["10:00", "10:30", "11:00"]
    answer = await world.send("GET", "/api/v1/appointments?cursor=nonsense")
    assert answer.status_code == 400


async def test_the_doctor_sees_who_comes(world: Any) -> None:
    appointment_id = await world.reserved()
    await world.reserve("10:30", patient_id=world.rival)
    await world.settle()
    (row,) = (await world.get("/api/v1/doctor/appointments", who="clinician"))["items"]
    assert (row["appointment_id"], row["patient_name"]) == (appointment_id, "Иванов Пётр")
    other = await world.get(
        "/api/v1/doctor/appointments", who="clinician", clinician_id=world.other_doctor
    )
    assert other["items"] == []
    await world.sealers._keyring.destroy("north", world.patient)
    world.sealers.forget("north", world.patient)
    (row,) = (await world.get("/api/v1/doctor/appointments", who="clinician"))["items"]
    assert row["patient_name"] is None


async def test_payment_and_approval_are_dimensions_of_their_own(world: Any) -> None:
    shown = await world.get(f"/api/v1/appointments/{await world.reserved()}")
    dimensions = ("status", "payment_status", "approval_status")
    assert [shown[each] for each in dimensions] == ["RESERVED", "PAID", "NOT_REQUIRED"]


async def test_a_consultation_that_took_place_completes_the_appointment(world: Any) -> None:
    appointment_id = await world.reserved()
    await world.tell(
        ConsultationCompleted(
            consultation_id=world.invoice,
            appointment_id=appointment_id,
            patient_id=world.patient,
            clinician_id=world.doctor,
            accepted_at=world.clock.now(),
            completed_at=world.clock.now(),
        ),
        times=2,
    )
    assert (await world.status_of(appointment_id))[0] == "COMPLETED"
    assert (await world.told())[-1:] == ["AppointmentCompleted.v1"]
    answer = await world.send("POST", f"/api/v1/appointments/{appointment_id}/cancellation", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "APPOINTMENT_COMPLETED")
    assert (await world.reserve("10:30")).status_code == 201


async def test_a_consultation_that_nobody_took_makes_the_appointment_a_no_show(world: Any) -> None:
    appointment_id = await world.reserved()
    told = await world.told()
    await world.tell(
        ConsultationExpired(
            consultation_id=world.invoice,
            appointment_id=appointment_id,
            patient_id=world.patient,
            clinician_id=world.doctor,
        ),
        times=2,
    )
    assert await world.status_of(appointment_id) == ("NO_SHOW", "PAID")
    assert await world.told() == told
    answer = await world.send("POST", f"/api/v1/appointments/{appointment_id}/cancellation", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "APPOINTMENT_NO_SHOW")
    assert (await world.reserve("10:30")).status_code == 201


@pytest.mark.requirement("BIL-43")
async def test_a_patient_who_waited_in_vain_gets_the_money_back(world: Any) -> None:
    appointment_id = await world.reserved()
    await world.tell(
        ConsultationExpired(
            consultation_id=world.invoice,
            appointment_id=appointment_id,
            patient_id=world.patient,
            clinician_id=world.doctor,
            patient_waited=True,
        ),
        times=2,
    )
    shown = await world.get(f"/api/v1/appointments/{appointment_id}")
    ended = ("status", "cancelled_by", "cancel_reason", "refund_eligible")
    assert [shown[field] for field in ended] == ["CANCELLED", "DOCTOR", "DOCTOR_ABSENT", True]
    assert (await world.told())[-1:] == ["AppointmentCancelled.v1"]
    assert (await world.reserve("10:30")).status_code == 201


@pytest.mark.requirement("BIL-43")
@pytest.mark.parametrize(("who", "by"), [("clinician", "DOCTOR"), ("manager", "CLINIC")])
async def test_a_no_show_is_taken_back_by_doctor_or_clinic_only(
    world: Any, who: str, by: str
) -> None:
    appointment_id = await world.reserved()
    await world.tell(
        ConsultationExpired(
            consultation_id=world.invoice,
            appointment_id=appointment_id,
            patient_id=world.patient,
            clinician_id=world.doctor,
        )
    )
    path = f"/api/v1/appointments/{appointment_id}"
    answer = await world.send("POST", f"{path}/cancellation", {}, who=who)
    assert (answer.status_code, answer.json().get("refund_eligible")) == (200, True)
    await world.settle()
    shown = await world.get(path)
    assert (shown["status"], shown["cancelled_by"]) == ("CANCELLED", by)
    assert (await world.told())[-1:] == ["AppointmentCancelled.v1"]


@pytest.mark.requirement("BIL-06")
async def test_a_no_show_that_is_paid_later_is_shown_as_paid(world: Any) -> None:
    await world.set_policy("payment_mode", "BOOK_THEN_PAY_TO_ENTER")
    appointment_id = (await world.reserve()).json()["appointment_id"]
    await world.settle()
    await world.tell(
        ConsultationExpired(
            consultation_id=world.invoice,
            appointment_id=appointment_id,
            patient_id=world.patient,
            clinician_id=world.doctor,
        )
    )
    assert await world.status_of(appointment_id) == ("NO_SHOW", "UNPAID")
    told = await world.told()
    await world.pay(appointment_id, times=2)
    assert await world.status_of(appointment_id) == ("NO_SHOW", "PAID")
    assert await world.told() == told
    assert await world.free() == ["10:30", "11:00"]


async def test_what_the_doctor_has_taken_in_work_is_not_cancelled_by_the_patient(
    world: Any,
) -> None:
    await world.set_policy("cancel_policy", "UNPAID_ONLY")
    await world.set_policy("payment_mode", "BOOK_THEN_PAY_TO_ENTER")
    appointment_id = (await world.reserve()).json()["appointment_id"]
    await world.settle()
    taken = ConsultationTakenInWork(
        consultation_id=world.invoice,
        appointment_id=appointment_id,
        patient_id=world.patient,
        clinician_id=world.doctor,
    )
    told = await world.told()
    await world.tell(taken, times=2)
    assert (await world.status_of(appointment_id))[0] == "IN_PROGRESS"
    assert await world.told() == told
    path = f"/api/v1/appointments/{appointment_id}"
    answer = await world.send("POST", f"{path}/cancellation", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "APPOINTMENT_STARTED")
    move = {"starts_at": "2026-12-01T10:30:00+03:00"}
    answer = await world.send("POST", f"{path}/rescheduling", move)
    assert (answer.status_code, answer.json()["code"]) == (409, "APPOINTMENT_STARTED")
    for mine, who in (
        ("appointments?filter=current", "patient"),
        ("doctor/appointments", "clinician"),
    ):
        shown = await world.get(f"/api/v1/{mine}", who=who)
        assert [one["status"] for one in shown["items"]] == ["IN_PROGRESS"]
    assert (await world.reserve("10:30")).json()["code"] == "UNCONFIRMED_LIMIT"


@pytest.mark.requirement("BKG-42", "OPS-14")
@pytest.mark.parametrize("late", [timedelta(microseconds=-1), timedelta(0), timedelta(hours=3)])
async def test_what_is_in_progress_is_current_beyond_its_planned_end(
    world: Any, late: timedelta
) -> None:
    appointment_id = await world.reserved()
    await world.tell(
        ConsultationTakenInWork(
            consultation_id=world.invoice,
            appointment_id=appointment_id,
            patient_id=world.patient,
            clinician_id=world.doctor,
        )
    )
    world.clock.set(datetime(2026, 12, 1, 7, 30, tzinfo=UTC) + late)
    for path, who in CURRENT:
        shown = await world.get(f"/api/v1/{path}", who=who)
        assert [one["status"] for one in shown["items"]] == ["IN_PROGRESS"]
    completed = ConsultationCompleted(
        consultation_id=world.invoice,
        appointment_id=appointment_id,
        patient_id=world.patient,
        clinician_id=world.doctor,
        accepted_at=world.clock.now(),
        completed_at=world.clock.now(),
    )
    await world.tell(completed)
    for path, who in CURRENT:
        assert (await world.get(f"/api/v1/{path}", who=who))["items"] == []


@pytest.mark.requirement("BKG-42", "OPS-14")
@pytest.mark.parametrize(
    ("late", "shown"),
    [(timedelta(microseconds=-1), ["RESERVED"]), (timedelta(0), []), (timedelta(seconds=1), [])],
)
async def test_what_never_began_is_current_until_its_end(
    world: Any, late: timedelta, shown: list[str]
) -> None:
    await world.reserved()
    world.clock.set(datetime(2026, 12, 1, 7, 30, tzinfo=UTC) + late)
    for path, who in CURRENT:
        items = (await world.get(f"/api/v1/{path}", who=who))["items"]
        assert [one["status"] for one in items] == shown
