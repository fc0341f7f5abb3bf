"""The way of a patient: register, choose a time, reserve, pay, change one's mind."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from journeys.clinic import PASSWORD, Clinic, found_organisation
from journeys.outside import Mailbox, pay
from journeys.person import Person, Refused
from journeys.suite import Suite, utc
from service_kit.ids import new_id

__all__ = [
    "DAY",
    "Patient",
    "cancel",
    "free_slots",
    "invoice_of",
    "move",
    "refund_of",
    "register",
    "reserve",
    "reserve_and_pay",
    "soonest",
    "start_payment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A registered patient with a mailbox."""

    person: Person
    mailbox: Mailbox


async def register(
    suite: Suite,
    http: httpx.AsyncClient,
    tenant: str = "north",
    *,
    patience_seconds: float = 60.0,
) -> Patient:
    """Fill in the form, read the code from the letter, confirm, sign in (IDN-06, 09, 11, 12).

    A clinic that does not exist yet is founded, for journeys that need no more of it.
    """
    address = f"patient-{new_id().hex[-12:]}@mail.test"
    mailbox = Mailbox(http, suite.url("mail"), address, patience_seconds)
    person = Person(
        http=http,
        tenant=tenant,
        login=address,
        password=PASSWORD,
        patience_seconds=patience_seconds,
    )
    form = {
        "last_name": "Иванова",
        "first_name": "Мария",
        "patronymic": "Сергеевна",
        "birth_date": "1988-03-08",
        "sex": "FEMALE",
        "email": address,
        "language": "ru",
        "consents": {"personal_data": True, "letters": True, "document": "offer-2026-01"},
    }
    try:
        started = await person.post("/api/v1/registrations", form, captcha=True)
    except Refused as refused:
        if refused.code != "TENANT_UNKNOWN":
            raise
        await found_organisation(suite, tenant)
        started = await person.post("/api/v1/registrations", form, captcha=True)
    await person.post(
        f"/api/v1/registrations/{started['registration_id']}/confirmation",
        {"code": await mailbox.code(), "password": PASSWORD, "password_repeat": PASSWORD},
    )
    await person.sign_in()
    return Patient(person=person, mailbox=mailbox)


async def free_slots(
    person: Person, clinic: Clinic, day: datetime, seconds: float = 20
) -> list[dict[str, Any]]:
    """The free slots of the doctor on a local day, waited for while the schedule is being opened."""
    patience = time.monotonic() + seconds
    date = day.astimezone(clinic.zone).date()
    while True:
        answer = await person.get(f"/api/v1/doctors/{clinic.clinician_id}/slots", date=str(date))
        if answer["slots"] or time.monotonic() > patience:
            return list(answer["slots"])
        await asyncio.sleep(0.1)


async def reserve(
    patient: Patient, clinic: Clinic, starts_at: str, kind: str = "ONLINE"
) -> dict[str, Any]:
    """Reserve a slot; in PAY_TO_BOOK it is held for the payment (BKG-23, 29)."""
    appointment: dict[str, Any] = await patient.person.post(
        "/api/v1/appointments",
        {
            "clinician_id": str(clinic.clinician_id),
            "starts_at": starts_at,
            "kind": kind,
            "service_id": str(clinic.service_id),
            "confirmed": True,
        },
    )
    return appointment


async def start_payment(patient: Patient, appointment_id: str, suite: Suite) -> dict[str, Any]:
    """Wait for the preliminary invoice, ask for the bank's page (BIL-07)."""
    invoice = await invoice_of(patient.person, appointment_id)
    progress: dict[str, Any] = await patient.person.post(
        f"/api/v1/invoices/{invoice['invoice_id']}/payments",
        {"return_url": f"{suite.url('gateway')}/docs", "receipt_email": patient.mailbox.address},
    )
    return await _with_page(patient.person, progress)


async def reserve_and_pay(
    suite: Suite, patient: Patient, clinic: Clinic, starts_at: str
) -> dict[str, Any]:
    """Reserve, pay at the bank's page, wait until the appointment is the patient's."""
    held = await reserve(patient, clinic, starts_at)
    payment = await start_payment(patient, held["appointment_id"], suite)
    await pay(patient.person.http, payment["confirmation_url"])
    reserved: dict[str, Any] = await patient.person.until(
        f"/api/v1/appointments/{held['appointment_id']}",
        "the paid appointment is reserved",
        status="RESERVED",
        payment_status="PAID",
    )
    return reserved


async def cancel(
    person: Person, appointment_id: str, reason: str = "PLANS_CHANGED"
) -> dict[str, Any]:
    """Cancel, as a patient, a doctor or the clinic (BKG-48, 53)."""
    cancelled: dict[str, Any] = await person.post(
        f"/api/v1/appointments/{appointment_id}/cancellation", {"reason": reason}
    )
    return cancelled


async def move(person: Person, appointment_id: str, starts_at: str) -> dict[str, Any]:
    """Move to another free slot of the same doctor (BKG-51)."""
    moved: dict[str, Any] = await person.post(
        f"/api/v1/appointments/{appointment_id}/rescheduling", {"starts_at": starts_at}
    )
    return moved


async def invoice_of(
    person: Person, appointment_id: str, seconds: float | None = None
) -> dict[str, Any]:
    """The preliminary invoice of an appointment, waited for (BIL-07)."""
    patience = time.monotonic() + (seconds or person.patience_seconds)
    while time.monotonic() < patience:
        found = await person.get("/api/v1/invoices", appointment_id=appointment_id)
        if found["items"]:
            invoice: dict[str, Any] = found["items"][0]
            return invoice
        await asyncio.sleep(0.05)
    raise AssertionError(f"no invoice for appointment {appointment_id} within {seconds} s")


async def refund_of(
    administrator: Person, appointment_id: str, seconds: float = 30
) -> dict[str, Any]:
    """The refund that the provider has confirmed, waited for (BIL-44)."""
    patience = time.monotonic() + seconds
    seen: list[dict[str, Any]] = []
    while time.monotonic() < patience:
        listed = (await administrator.get("/api/v1/refunds"))["items"]
        seen = [refund for refund in listed if refund["appointment_id"] == appointment_id]
        if seen and seen[0]["state"] == "SUCCEEDED":
            return seen[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"appointment {appointment_id} was not refunded: {seen}")


async def _with_page(person: Person, progress: dict[str, Any]) -> dict[str, Any]:
    patience = time.monotonic() + person.patience_seconds
    while time.monotonic() < patience:
        if progress.get("confirmation_url"):
            return progress
        await asyncio.sleep(0.1)
        progress = await person.get(f"/api/v1/payments/{progress['payment_id']}")
    raise AssertionError(f"no payment page: {progress}")


def soonest(slots: list[dict[str, Any]], after: datetime) -> dict[str, Any]:
    """The first slot that begins after an instant."""
    return next(slot for slot in slots if utc(slot["starts_at"]) > after)


DAY = timedelta(days=1)
