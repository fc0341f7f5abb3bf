"""Finding a doctor, and seeing when they can be had."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.billing import PricePublished, PriceWithdrawn
from contracts.identity import BranchAdded, ClinicianRegistered


async def search(world: Any, query: str) -> tuple[list[str], list[str], list[str]]:
    found = await world.get(f"/api/v1/search?q={query}", who="anonymous")
    return (
        [doctor["name"] for doctor in found["doctors"]],
        found["specialties"],
        [clinic["name"] for clinic in found["clinics"]],
    )


@pytest.mark.requirement("BKG-01")
async def test_search_finds_doctors_specialties_and_clinics_apart(world: Any) -> None:
    doctor, specialty, clinic = "Петрова Алёна Ивановна", "Терапевт", "Клиника на Тверской"
    assert await search(world, "петр") == ([doctor], [], [])
    assert await search(world, "алена ПЕТ") == ([doctor], [], [])
    assert await search(world, "терап") == ([], [specialty], [])
    assert await search(world, "тверск") == ([], [], [clinic])
    assert await search(world, "т") == ([doctor], [specialty], [clinic])
    assert await search(world, "%25") == ([], [], [])
    assert await search(world, "_") == ([], [], [])


@pytest.mark.requirement("BKG-03")
async def test_a_card_shows_name_specialty_nearest_free_date_rating_and_price(world: Any) -> None:
    path = f"/api/v1/doctors/{world.doctor}"
    answer = await world.send(
        "PUT", f"{path}/default-service", {"service_id": str(world.service)}, who="manager"
    )
    assert answer.status_code == 200
    await world.settle()
    card = await world.get(path, who="anonymous")
    assert card["name"] == "Петрова Алёна Ивановна"
    assert (card["specialty"], card["category"]) == ("Терапевт", "Высшая")
    assert card["nearest_free_date"] == "2026-12-01"
    assert (card["rating"], card["rating_count"]) == (None, 0)
    assert card["default_service"]["price_kopecks"] == 150_000
    await world.tell(PriceWithdrawn(service_id=world.service, branch_id=world.branch))
    assert (await world.get(path))["default_service"] is None


@pytest.mark.requirement("BKG-03", "BIL-02")
async def test_a_department_may_have_a_default_service_and_a_doctor_another(world: Any) -> None:
    path = f"/api/v1/doctors/{world.doctor}"
    assert (await world.get(path))["default_service"] is None
    department = {str(world.branch): {"терапевт": str(world.service)}}
    await world.set_policy("default_services", department)
    assert (await world.get(path))["default_service"]["price_kopecks"] == 150_000
    listed = (await world.get("/api/v1/doctors"))["items"]
    assert [card["default_service"]["service_id"] for card in listed] == [str(world.service)]
    await world.tell(
        PricePublished(
            service_id=UUID(int=9),
            branch_id=world.branch,
            department="Терапия",
            code="T-9",
            name="Приём заведующей",
            price_kopecks=250_000,
        )
    )
    own = {"service_id": str(UUID(int=9))}
    await world.send("PUT", f"{path}/default-service", own, who="manager")
    await world.settle()
    assert (await world.get(path))["default_service"]["price_kopecks"] == 250_000


async def test_only_a_service_of_the_price_list_can_be_the_default(world: Any) -> None:
    path = f"/api/v1/doctors/{world.doctor}/default-service"
    answer = await world.send("PUT", path, {"service_id": str(UUID(int=1))}, who="manager")
    assert (answer.status_code, answer.json()["code"]) == (409, "SERVICE_NOT_OFFERED")
    assert (await world.send("PUT", path, {"service_id": None}, who="manager")).status_code == 200
    nobody = f"/api/v1/doctors/{UUID(int=1)}/default-service"
    answer = await world.send("PUT", nobody, {"service_id": None}, who="manager")
    assert (answer.status_code, answer.json()["code"]) == (404, "DOCTOR_NOT_FOUND")


@pytest.mark.requirement("BKG-03")
async def test_the_nearest_free_date_is_the_first_with_a_free_slot_to_come(world: Any) -> None:
    path = f"/api/v1/doctors/{world.doctor}"
    await world.set_policy("unconfirmed_limit", 10)
    for wall in ("10:00", "10:30", "11:00"):
        await world.reserve(wall)
    await world.settle()
    assert (await world.get(path))["nearest_free_date"] == "2026-12-02"
    await world.pass_time(world.hold)
    assert (await world.get(path))["nearest_free_date"] == "2026-12-01"
    world.clock.set(datetime(2026, 12, 1, 8, 0, tzinfo=UTC))
    assert (await world.get(path))["nearest_free_date"] == "2026-12-02"


@pytest.mark.requirement("BKG-16")
async def test_the_calendar_shows_hours_or_no_booking_for_each_day_of_a_month(world: Any) -> None:
    path = f"/api/v1/doctors/{world.doctor}/calendar"
    december = await world.get(f"{path}?month=2026-12", who="anonymous")
    assert (december["zone"], len(december["days"])) == ("Europe/Moscow", 31)
    assert december["days"][0] == {
        "date": "2026-12-01",
        "booking": True,
        "works_from": "10:00",
        "works_to": "11:30",
        "free_slots": 3,
    }
    saturday = december["days"][4]
    assert (saturday["date"], saturday["booking"]) == ("2026-12-05", False)
    november = await world.get(path)
    assert november["month"] == "2026-11"
    assert not any(day["booking"] for day in november["days"])
    assert (await world.send("GET", f"{path}?month=2026-13")).status_code == 422


@pytest.mark.requirement("BKG-18", "GW-26")
async def test_a_day_lists_its_free_slots_from_to_with_the_zone(world: Any) -> None:
    await world.reserved("10:30")
    path = f"/api/v1/doctors/{world.doctor}/slots?date=2026-12-01"
    shown = await world.get(path, who="anonymous")
    assert [
        (slot["starts_at"], slot["ends_at"], slot["zone_label"]) for slot in shown["slots"]
    ] == [
        ("2026-12-01T10:00:00+03:00", "2026-12-01T10:30:00+03:00", "UTC+3"),
        ("2026-12-01T11:00:00+03:00", "2026-12-01T11:30:00+03:00", "UTC+3"),
    ]
    assert await world.free(date(2026, 12, 5)) == []
    world.clock.set(datetime(2026, 12, 1, 7, 0, tzinfo=UTC))
    assert await world.free() == ["11:00"]


async def test_doctors_are_listed_by_filter_and_in_pages(world: Any) -> None:
    await world.tell(
        ClinicianRegistered(
            clinician_id=world.other_doctor,
            account_id=UUID(int=9),
            branch_id=world.branch,
            last_name="Абрамов",
            first_name="Олег",
            specialty="Кардиолог",
            language="ru",
        ),
        times=2,
    )
    names = []
    cursor = ""
    while True:
        page = await world.get(f"/api/v1/doctors?limit=1{cursor}")
        names += [card["name"] for card in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert names == ["Абрамов Олег", "Петрова Алёна Ивановна"]
    for query, found in (
        ("specialty=кардиолог", ["Абрамов Олег"]),
        ("q=петр", ["Петрова Алёна Ивановна"]),
        (f"branch_id={UUID(int=1)}", []),
        (f"branch_id={world.branch}", names),
    ):
        page = await world.get(f"/api/v1/doctors?{query}")
        assert [card["name"] for card in page["items"]] == found
    answer = await world.send("GET", f"/api/v1/doctors/{UUID(int=1)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "DOCTOR_NOT_FOUND")


async def test_a_doctor_whose_branch_is_not_known_yet_cannot_be_booked(empty_world: Any) -> None:
    doctor = ClinicianRegistered(
        clinician_id=empty_world.doctor,
        account_id=UUID(int=9),
        branch_id=empty_world.branch,
        last_name="Абрамов",
        first_name="Олег",
        specialty="Кардиолог",
        language="ru",
    )
    await empty_world.tell(doctor)
    path = f"/api/v1/doctors/{empty_world.doctor}"
    assert (await empty_world.get(path))["branch"] is None
    assert (await empty_world.send("GET", f"{path}/calendar")).status_code == 404
    branch = BranchAdded(
        branch_id=empty_world.branch, name="Север", address="", phone="", zone="Europe/Moscow"
    )
    await empty_world.tell(branch)
    assert (await empty_world.send("GET", f"{path}/calendar")).status_code == 200
