"""A clinic with a branch, an administrator, a price and a doctor who has a schedule: what exists before a patient."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx

from journeys.person import Person
from journeys.suite import Suite
from service_kit.ids import new_id

__all__ = ["Clinic", "add_doctor", "found_organisation", "open_clinic", "pay_to_enter"]

PASSWORD = "Правильная-лошадь-7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """Who works there, and what a visit costs."""

    tenant: str
    zone: ZoneInfo
    branch_id: UUID
    clinician_id: UUID
    service_id: UUID
    administrator: Person
    doctor: Person


async def open_clinic(
    suite: Suite,
    http: httpx.AsyncClient,
    tenant: str = "north",
    *,
    zone: str = "Europe/Moscow",
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    price_kopecks: int = 150_000,
    hours: tuple[int, int] = (9, 21),
) -> Clinic:
    """Open a branch of the tenant's clinic with one doctor, by the command line and the API.

    Every call makes a new branch and a new doctor, so that journeys do not meet. `policies`: service to key to value.
    `hours`: when the doctor works, by the clocks of the branch's zone.
    """
    mark = new_id().hex[-10:]
    await found_organisation(suite, tenant)
    branch = await suite.kabinet_json(
        *("branch", "add", "--tenant", tenant, "--name", f"Клиника «Север», {mark}"),
        *("--address", "Москва, ул. Лесная, 5", "--phone", "+74951234567", "--zone", zone),
    )
    administrator = await _staff(suite, http, tenant, "administrator", f"admin-{mark}@clinic.test")
    doctor = await add_doctor(suite, http, tenant, branch["branch_id"])
    for service, values in (policies or {}).items():
        for key, value in values.items():
            await administrator.put(
                f"/api/v1/policies/{service}", {"key": key, "value": value, "reason": "TRIAL"}
            )
    price = await administrator.post(
        "/api/v1/price-list/services",
        {
            "branch_id": branch["branch_id"],
            "department": "Терапия",
            "code": f"B01.047.{mark}",
            "name": "Онлайн-консультация терапевта",
            "price_kopecks": price_kopecks,
        },
    )
    clinic = Clinic(
        tenant=tenant,
        zone=ZoneInfo(zone),
        branch_id=UUID(branch["branch_id"]),
        clinician_id=UUID(doctor.account["clinician_id"]),
        service_id=UUID(price["service_id"]),
        administrator=administrator,
        doctor=doctor,
    )
    await _schedule(clinic, suite.now().astimezone(clinic.zone).date(), hours)
    return clinic


async def add_doctor(
    suite: Suite, http: httpx.AsyncClient, tenant: str, branch_id: UUID | str
) -> Person:
    """One more doctor of a branch, signed in."""
    return await _staff(
        *(suite, http, tenant, "clinician", f"doctor-{new_id().hex[-10:]}@clinic.test"),
        *("--specialty", "Терапевт", "--category", "Высшая", "--branch", str(branch_id)),
    )


async def pay_to_enter(clinic: Clinic) -> None:
    """Let the clinic's service be booked first and paid before entering the room (BKG-31)."""
    at = "/api/v1/policies/booking"
    policies = (await clinic.administrator.get(at))["items"]
    modes = next(one["value"] for one in policies if one["key"] == "service_payment_modes")
    await clinic.administrator.put(
        at,
        {
            "key": "service_payment_modes",
            "value": modes | {str(clinic.service_id): "BOOK_THEN_PAY_TO_ENTER"},
            "reason": "TRIAL",
        },
    )


async def found_organisation(suite: Suite, tenant: str) -> None:
    """The tenant exists from now on, if it did not before."""
    name = {"north": "ООО «Клиника Север»", "south": "ООО «Клиника Юг»"}.get(tenant, tenant)
    try:
        await suite.kabinet("tenant", "add", "--tenant", tenant, "--name", name)
    except RuntimeError as known:
        if "ORGANISATION" not in str(known):
            raise


async def _staff(
    suite: Suite, http: httpx.AsyncClient, tenant: str, role: str, email: str, *more: str
) -> Person:
    await suite.kabinet(
        *("staff", "add", "--tenant", tenant, "--role", role, "--email", email),
        *("--last-name", "Петрова", "--first-name", "Анна", "--patronymic", "Ильинична"),
        *("--password", PASSWORD, *more),
    )
    person = Person(http=http, tenant=tenant, login=email, password=PASSWORD)
    await person.sign_in()
    return person


async def _schedule(clinic: Clinic, today: date, hours: tuple[int, int]) -> None:
    """Every day in half hours, online and in the clinic, once the doctor is listed."""
    await clinic.doctor.until(f"/api/v1/doctors/{clinic.clinician_id}", "the doctor is listed")
    cells = [f"{hour:02}:{minute:02}" for hour in range(*hours) for minute in (0, 30)]
    template = await clinic.doctor.post(
        "/api/v1/schedule-templates",
        {
            "name": "Каждый день",
            "kinds": ["ONLINE", "CLINIC"],
            "valid_from": str(today),
            "valid_to": str(today + timedelta(days=300)),
            "weekdays": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
            "first_at": cells[0],
            "last_at": cells[-1],
            "cells": cells,
        },
    )
    await clinic.doctor.put(f"/api/v1/schedule-templates/{template['template_id']}/activation")
