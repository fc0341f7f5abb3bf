"""S1: a patient books, pays within the hold, meets the doctor, gets the signed conclusion; and what may go wrong."""

import asyncio
import subprocess
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from journeys.clinic import Clinic, open_clinic
from journeys.conclusion import download, published, write_and_attach
from journeys.consultation import find_consultation, meet
from journeys.outside import decline, pay
from journeys.person import Person, Refused
from journeys.suite import Suite, utc
from journeys.visit import (
    DAY,
    Patient,
    free_slots,
    invoice_of,
    refund_of,
    register,
    reserve,
    reserve_and_pay,
    start_payment,
)

PRICE = 150_000
HOLD = timedelta(minutes=15)

# What each part of the journey must have left in the log, in this order.
STORY = [
    ("booking", "SlotHeld"),
    ("booking", "AppointmentRequested"),
    ("billing", "PreliminaryInvoiceIssued"),
    ("billing", "PaymentStarted"),
    ("billing", "PaymentSucceeded"),
    ("billing", "InvoicePaid"),
    ("booking", "SlotBooked"),
    ("booking", "AppointmentReserved"),
    ("consultation_room", "ConsultationOpened"),
    ("consultation_room", "PatientJoined"),
    ("consultation_room", "ConsultationTakenInWork"),
    ("consultation_room", "ConsultationCompleted"),
    ("booking", "AppointmentCompleted"),
    ("conclusions", "ConclusionAttached"),
    ("conclusions", "ConclusionSigned"),
    ("conclusions", "ConclusionPublished"),
    ("notifications", "MessageSent"),
    ("conclusions", "ConclusionDocumentViewed"),
]


@pytest.mark.requirement(
    "BKG-29", "BIL-07", "BIL-16", "ROOM-01", "CON-27", "CON-29", "CON-46", "OPS-05"
)
async def test_a_patient_books_pays_meets_the_doctor_and_gets_the_signed_conclusion(
    suite: Suite, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    clinic = await open_clinic(suite, http, price_kopecks=PRICE)
    patient = await register(suite, http)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    held = await reserve(patient, clinic, slot["starts_at"])
    appointment_id = held["appointment_id"]
    assert held["status"] == "HELD"
    invoice = await invoice_of(patient.person, appointment_id)
    assert (invoice["status"], invoice["total_kopecks"]) == ("OPEN", PRICE)
    assert invoice["payable"]
    payment = await start_payment(patient, appointment_id, suite)
    await pay(http, payment["confirmation_url"])
    reserved = await _becomes(patient.person, appointment_id, status="RESERVED")
    assert reserved["payment_status"] == "PAID"
    paid = await patient.person.get(f"/api/v1/payments/{payment['payment_id']}")
    assert (paid["status"], paid["paid"], paid["amount_kopecks"]) == ("SUCCEEDED", True, PRICE)

    await _expect_the_letter_with_the_calendar_entry(patient, slot, appointment_id)
    consultation = await find_consultation(patient.person, appointment_id)
    await suite.forward_to(utc(slot["starts_at"]) - timedelta(minutes=10))
    await asyncio.gather(patient.person.sign_in(), clinic.doctor.sign_in())
    consultation_id = consultation["consultation_id"]
    await meet(suite.url("gateway"), patient.person, clinic.doctor, consultation_id)
    await write_and_attach(clinic.doctor, consultation_id)
    await published(clinic.doctor, consultation_id)
    card, document = await download(patient.person)
    await patient.person.until(
        f"/api/v1/consultations/{consultation_id}",
        "the history shows the conclusion",
        conclusion_id=card["conclusion_id"],
    )
    await _becomes(patient.person, appointment_id, status="COMPLETED")

    _expect_a_valid_signature(document, tmp_path)
    conclusion = ("--tenant", clinic.tenant, "--conclusion", card["conclusion_id"])
    assert "VALID" in await suite.kabinet("verify", "signature", *conclusion)
    await _expect_the_document_to_be_the_patients_alone(suite, http, card["conclusion_id"])
    await patient.mailbox.letter("заключени")
    _expect_the_whole_story(await suite.timeline(appointment_id), patient, clinic)
    letters = await patient.mailbox.letters()
    assert max(Counter(letter["subject"] for letter in letters).values()) == 1
    assert not any(letter["duplicates"] for letter in letters)


@pytest.mark.requirement("BIL-12", "BIL-15", "BKG-29", "NTF-24")
async def test_a_declined_payment_can_be_tried_again_within_the_hold(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment_id = (await reserve(patient, clinic, slot["starts_at"]))["appointment_id"]
    first = await start_payment(patient, appointment_id, suite)
    await decline(http, first["confirmation_url"], "insufficient_funds")
    failed = await patient.person.until(
        f"/api/v1/payments/{first['payment_id']}", "the decline is known", status="FAILED"
    )
    assert failed["reason"] == "insufficient_funds"
    assert not failed["paid"]
    await patient.mailbox.letter("Оплата не прошла")
    held = await patient.person.get(f"/api/v1/appointments/{appointment_id}")
    assert (held["status"], held["payment_status"]) == ("HELD", "UNPAID")

    second = await start_payment(patient, appointment_id, suite)
    assert second["payment_id"] != first["payment_id"]
    await pay(http, second["confirmation_url"])
    await _becomes(patient.person, appointment_id, status="RESERVED", payment_status="PAID")
    payments = (await patient.person.get("/api/v1/payments"))["items"]
    assert Counter(payment["status"] for payment in payments) == {"FAILED": 1, "SUCCEEDED": 1}


@pytest.mark.requirement("BKG-29", "BIL-07", "BKG-37", "OPS-14")
async def test_an_unpaid_hold_runs_out_and_frees_the_slot(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    day = suite.now() + DAY
    slot = (await free_slots(patient.person, clinic, day))[0]
    held = await reserve(patient, clinic, slot["starts_at"])
    appointment_id = held["appointment_id"]
    await start_payment(patient, appointment_id, suite)
    assert slot not in await free_slots(patient.person, clinic, day)

    await suite.kabinet("clock", f"+{int(HOLD.total_seconds() / 60)}m")
    await patient.person.sign_in()
    ended = await _becomes(patient.person, appointment_id, status="CANCELLED")
    assert (ended["cancelled_by"], ended["cancel_reason"]) == ("SYSTEM", "HOLD_EXPIRED")
    assert ended["payment_status"] == "UNPAID"
    invoice = await invoice_of(patient.person, appointment_id)
    await patient.person.until(
        f"/api/v1/invoices/{invoice['invoice_id']}", "it is void", status="CANCELLED", payable=False
    )
    await patient.mailbox.letter("Время не оплачено")
    assert slot in await free_slots(patient.person, clinic, day)
    # The quota of a patient who is not confirmed is free again too (BKG-28).
    again = await reserve(patient, clinic, slot["starts_at"])
    assert again["appointment_id"] != appointment_id


@pytest.mark.requirement("BKG-30")
async def test_money_that_comes_too_late_takes_the_slot_again_while_it_is_free(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment_id, page = await _lapsed(suite, patient, clinic, slot["starts_at"])
    await pay(http, page)
    late = await _becomes(patient.person, appointment_id, status="RESERVED", payment_status="PAID")
    assert late["starts_at"] == slot["starts_at"]
    await clinic.administrator.sign_in()
    refunds = await clinic.administrator.get("/api/v1/refunds")
    assert appointment_id not in [refund["appointment_id"] for refund in refunds["items"]]


@pytest.mark.requirement("BKG-30", "BIL-43", "BIL-44", "NTF-24")
async def test_money_that_comes_after_the_slot_went_to_another_is_refunded_in_full(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment_id, page = await _lapsed(suite, patient, clinic, slot["starts_at"])
    quicker = await register(suite, http)
    theirs = await reserve_and_pay(suite, quicker, clinic, slot["starts_at"])

    await pay(http, page)
    lost = await _becomes(patient.person, appointment_id, late_payment_refused=True)
    assert lost["status"] == "CANCELLED"
    await clinic.administrator.sign_in()
    refund = await refund_of(clinic.administrator, appointment_id)
    assert (refund["amount_kopecks"], refund["cause"]) == (PRICE, "LATE_PAYMENT")
    await patient.mailbox.letter("Оплата поступила слишком поздно")
    await patient.mailbox.letter("Деньги возвращены")
    await quicker.person.sign_in()
    kept = await quicker.person.get(f"/api/v1/appointments/{theirs['appointment_id']}")
    assert (kept["status"], kept["payment_status"]) == ("RESERVED", "PAID")


@pytest.mark.requirement("BKG-26")
async def test_of_200_claims_on_one_slot_one_wins_and_the_others_see_what_is_free(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic = await open_clinic(
        suite, http, "crowd", policies={"booking": {"unconfirmed_limit": 100}}
    )
    patients = [await register(suite, http, "crowd") for _ in range(4)]
    day = suite.now() + DAY
    slots = await free_slots(patients[0].person, clinic, day)
    wanted = slots[3]["starts_at"]

    async def claim(number: int) -> Refused | dict[str, Any]:
        try:
            return await reserve(patients[number % len(patients)], clinic, wanted)
        except Refused as refused:
            return refused

    outcomes = await asyncio.gather(*(claim(number) for number in range(200)))
    winners = [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(winners) == 1
    assert Counter((loser.status, loser.code) for loser in losers) == {(409, "SLOT_TAKEN"): 199}
    free = [slot["starts_at"] for slot in losers[0].problem["facts"]["free_slots"]]
    assert wanted not in free
    assert free == [slot["starts_at"] for slot in slots if slot["starts_at"] != wanted]


async def _becomes(person: Person, appointment_id: str, **wanted: Any) -> dict[str, Any]:
    found: dict[str, Any] = await person.until(
        f"/api/v1/appointments/{appointment_id}", f"appointment {appointment_id}", **wanted
    )
    return found


async def _lapsed(
    suite: Suite, patient: Patient, clinic: Clinic, starts_at: str
) -> tuple[str, str]:
    """A hold that ran out while the bank's page was open: the appointment and the page."""
    appointment_id = (await reserve(patient, clinic, starts_at))["appointment_id"]
    payment = await start_payment(patient, appointment_id, suite)
    await suite.forward_to(suite.now() + HOLD)
    await patient.person.sign_in()
    await _becomes(patient.person, appointment_id, cancel_reason="HOLD_EXPIRED")
    return appointment_id, payment["confirmation_url"]


async def _expect_the_letter_with_the_calendar_entry(
    patient: Patient, slot: dict[str, Any], appointment_id: str
) -> None:
    letter = await patient.mailbox.letter("Вы записаны на приём")
    assert appointment_id in letter["text"]
    assert "UTC+3" in letter["text"]
    calendar = Calendar.from_ical(await patient.mailbox.attachment(letter, "invitation.ics"))
    assert calendar["METHOD"] == "REQUEST"
    event: Any = calendar.walk("VEVENT")[0]
    assert event["DTSTART"].dt == utc(slot["starts_at"])
    assert event["DTEND"].dt == utc(slot["ends_at"])
    assert str(event["UID"]).startswith(appointment_id)
    assert event["SEQUENCE"] == 0
    assert event["STATUS"] == "CONFIRMED"


def _expect_a_valid_signature(document: bytes, folder: Path) -> None:
    file = folder / "conclusion.pdf"
    assert "Signature is Valid." in _pdfsig(file, document)
    flipped = bytearray(document)
    flipped[len(flipped) // 4] ^= 1
    assert "Signature is Valid." not in _pdfsig(file, bytes(flipped))


def _pdfsig(file: Path, document: bytes) -> str:
    file.write_bytes(document)
    return subprocess.run(["pdfsig", file], capture_output=True, text=True, check=False).stdout


async def _expect_the_document_to_be_the_patients_alone(
    suite: Suite, http: httpx.AsyncClient, conclusion_id: str
) -> None:
    another = await register(suite, http)
    elsewhere = await register(suite, http, (await open_clinic(suite, http, "south")).tenant)
    at = f"/api/v1/conclusions/{conclusion_id}/document"
    for stranger, statuses in ((another, {403, 404}), (elsewhere, {404})):
        with pytest.raises(Refused) as refused:
            await stranger.person.get(at)
        assert refused.value.status in statuses
    unknown = await http.get(at, headers={"X-Kabinet-Tenant": "north"})
    assert unknown.status_code == 401


def _expect_the_whole_story(story: list[dict[str, Any]], patient: Patient, clinic: Clinic) -> None:
    told = [(entry["service"], entry["type"].rpartition(".")[0]) for entry in story]
    places = [told.index(step) for step in STORY if step != ("notifications", "MessageSent")]
    assert places == sorted(places)
    assert set(STORY) <= set(told)
    seen: set[str] = set()
    by_id = {entry["event_id"]: entry for entry in story}
    for entry in story:
        assert entry["actor"], entry
        assert entry["because"], entry
        assert entry["causation_id"] not in by_id or entry["causation_id"] in seen, entry
        seen.add(entry["event_id"])
    who = {step: entry["role"] for step, entry in zip(told, story, strict=True)}
    assert who["booking", "SlotHeld"] == "patient"
    assert who["consultation_room", "ConsultationTakenInWork"] == "clinician"
    assert who["conclusions", "ConclusionDocumentViewed"] == "patient"
    for entry in story:
        # Only what opened the doctor's time, before anybody wanted it, is about nobody.
        nobodys = entry["stream"].startswith(("doctor-day-", "schedule-template-"))
        about = entry["subject"]
        assert about == str(patient.person.patient_id) or (nobodys and about is None), entry
    text = str(story)
    assert patient.mailbox.address not in text
    assert "Иванова" not in text
