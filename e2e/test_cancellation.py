"""S7: cancelling and moving an appointment, up to the 120 minutes and after them; the money follows the rule."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from journeys.clinic import Clinic, open_clinic
from journeys.consultation import find_consultation
from journeys.outside import Mailbox
from journeys.person import Person, Refused
from journeys.suite import Suite, utc
from journeys.visit import (
    DAY,
    cancel,
    free_slots,
    move,
    refund_of,
    register,
    reserve,
    reserve_and_pay,
)

WINDOW = timedelta(minutes=120)
# Enough for a sign-in and a request, less than the minute in which "exactly 120" lasts.
A_MOMENT = timedelta(seconds=40)
RETURNED = "Оплата будет возвращена полностью."
KEPT = "По правилам отмены оплата не возвращается."


@pytest.mark.requirement("BKG-49", "BIL-42", "BIL-44", "BKG-54", "NTF-13", "OPS-05")
async def test_a_cancellation_in_time_gives_everything_back_and_both_sides_are_told(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    day = suite.now() + DAY
    slot = (await free_slots(patient.person, clinic, day))[0]
    reserved = await reserve_and_pay(suite, patient, clinic, slot["starts_at"])
    appointment_id = reserved["appointment_id"]
    consultation = await find_consultation(patient.person, appointment_id)

    cancelled = await cancel(patient.person, appointment_id)
    assert (cancelled["status"], cancelled["refund_eligible"]) == ("CANCELLED", True)
    refund = await refund_of(clinic.administrator, appointment_id)
    assert (refund["amount_kopecks"], refund["attempt"]) == (150_000, 1)
    await _expect_money_returned_once_at_the_acquirer(suite, http, refund["payment_id"])
    assert slot in await free_slots(patient.person, clinic, day)

    letter = await patient.mailbox.letter("Приём отменён")
    assert f"отменён пациентом. {RETURNED}" in letter["text"]
    event = await _calendar_event(patient.mailbox, letter)
    assert event["STATUS"] == "CANCELLED"
    assert str(event["UID"]).startswith(appointment_id)
    assert event["SEQUENCE"] == 1
    assert RETURNED in (await _doctors_mailbox(suite, clinic).letter("Приём отменён"))["text"]
    await patient.mailbox.letter("Деньги возвращены")

    with pytest.raises(Refused) as refused:
        await patient.person.post(
            f"/api/v1/consultations/{consultation['consultation_id']}/connection"
        )
    assert (refused.value.status, refused.value.code) == (409, "CONSULTATION_CLOSED")
    with pytest.raises(Refused) as again:
        await move(patient.person, appointment_id, slot["starts_at"])
    assert again.value.status == 409

    steps = [entry["type"].rpartition(".")[0] for entry in await suite.timeline(appointment_id)]
    for consequence in ("SlotFreed", "ConsultationCancelled", "RemindersWithdrawn"):
        assert steps.index("AppointmentCancelled") < steps.index(consequence)
    refunding = ("AppointmentCancelled", "RefundRequested", "RefundSucceeded")
    assert [step for step in steps if step in refunding] == list(refunding)


@pytest.mark.requirement("BKG-49", "BKG-50", "BKG-51", "BIL-42", "OPS-14")
async def test_the_120th_minute_is_in_time_and_the_119th_is_not(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic = await open_clinic(suite, http)
    in_time, too_late = await register(suite, http), await register(suite, http)
    day = suite.now() + DAY
    slots = await free_slots(in_time.person, clinic, day)
    noon = next(
        n for n, slot in enumerate(slots) if utc(slot["starts_at"]) > suite.now() + 2 * WINDOW
    )
    first = await reserve_and_pay(suite, in_time, clinic, slots[noon]["starts_at"])
    second = await reserve_and_pay(suite, too_late, clinic, slots[noon + 1]["starts_at"])

    await _be_at(suite, utc(first["starts_at"]) - WINDOW - A_MOMENT, in_time.person)
    kept = await cancel(in_time.person, first["appointment_id"])
    assert kept["refund_eligible"]
    assert await _lead_minutes(suite, first["appointment_id"]) == 120

    late = utc(second["starts_at"]) - WINDOW + timedelta(seconds=1)
    await _be_at(suite, late, too_late.person, clinic.administrator)
    with pytest.raises(Refused) as refused:
        await move(too_late.person, second["appointment_id"], slots[noon + 3]["starts_at"])
    assert refused.value.code == "RESCHEDULE_TOO_LATE"
    assert utc(refused.value.problem["facts"]["allowed_until"]) == utc(second["starts_at"]) - WINDOW
    lost = await cancel(too_late.person, second["appointment_id"])
    assert (lost["status"], lost["refund_eligible"]) == ("CANCELLED", False)
    assert await _lead_minutes(suite, second["appointment_id"]) in {118, 119}

    letter = await too_late.mailbox.letter("Приём отменён")
    assert KEPT in letter["text"]
    assert KEPT in (await _doctors_mailbox(suite, clinic).letter(KEPT))["text"]
    await refund_of(clinic.administrator, first["appointment_id"])
    story = await suite.timeline(second["appointment_id"])
    types = {entry["type"].rpartition(".")[0] for entry in story}
    assert "RefundDeclinedByPolicy" in types
    assert "RefundRequested" not in types


@pytest.mark.requirement("BKG-53", "BIL-43", "NTF-13")
async def test_a_late_cancellation_by_the_doctor_or_the_clinic_gives_everything_back(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic = await open_clinic(suite, http)
    one, other = await register(suite, http), await register(suite, http)
    slots = await free_slots(one.person, clinic, suite.now() + DAY)
    by_doctor = await reserve_and_pay(suite, one, clinic, slots[0]["starts_at"])
    by_clinic = await reserve_and_pay(suite, other, clinic, slots[1]["starts_at"])
    await _be_at(
        *(suite, utc(by_doctor["starts_at"]) - timedelta(minutes=5)),
        *(clinic.doctor, clinic.administrator),
    )
    for person, appointment, patient, word in (
        (clinic.doctor, by_doctor, one, "врачом"),
        (clinic.administrator, by_clinic, other, "клиникой"),
    ):
        await cancel(person, appointment["appointment_id"], "DOCTOR_UNAVAILABLE")
        refund = await refund_of(clinic.administrator, appointment["appointment_id"])
        assert refund["amount_kopecks"] == 150_000
        letter = await patient.mailbox.letter("Приём отменён")
        assert f"отменён {word}. {RETURNED}" in letter["text"]


@pytest.mark.requirement("BKG-51", "NTF-13")
async def test_a_move_keeps_appointment_and_payment_and_takes_the_new_slot_before_it_frees_the_old(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    old_day, new_day = suite.now() + DAY, suite.now() + 2 * DAY
    old = (await free_slots(patient.person, clinic, old_day))[0]
    new = (await free_slots(patient.person, clinic, new_day))[5]
    reserved = await reserve_and_pay(suite, patient, clinic, old["starts_at"])
    appointment_id = reserved["appointment_id"]
    await find_consultation(patient.person, appointment_id)

    moved = await move(patient.person, appointment_id, new["starts_at"])
    assert (moved["appointment_id"], moved["status"]) == (appointment_id, "RESERVED")
    shown = await patient.person.until(
        f"/api/v1/appointments/{appointment_id}", "it is moved", starts_at=new["starts_at"]
    )
    assert (shown["status"], shown["payment_status"], shown["moves"]) == ("RESERVED", "PAID", 1)
    [payment] = (await patient.person.get("/api/v1/payments"))["items"]
    assert (payment["appointment_id"], payment["status"]) == (appointment_id, "SUCCEEDED")

    letter = await patient.mailbox.letter("Приём перенесён")
    event = await _calendar_event(patient.mailbox, letter)
    assert (event["SEQUENCE"], event["DTSTART"].dt) == (1, utc(new["starts_at"]))
    await _doctors_mailbox(suite, clinic).letter("Приём перенесён")
    consultation = await find_consultation(patient.person, appointment_id)
    await patient.person.until(
        f"/api/v1/consultations/{consultation['consultation_id']}",
        "the room has moved",
        planned_start=new["starts_at"],
    )
    assert old in await free_slots(patient.person, clinic, old_day)
    assert new not in await free_slots(patient.person, clinic, new_day)
    days = [
        (entry["type"].rpartition(".")[0], entry["facts"].get("starts_at"))
        for entry in await suite.timeline(appointment_id)
        if entry["stream"].startswith("doctor-day")
    ]
    kinds = [kind for kind, _ in days]
    assert kinds == ["SlotHeld", "SlotBooked", "SlotBooked", "SlotFreed"]
    assert [utc(str(days[n][1])) for n in (1, 2)] == [utc(old["starts_at"]), utc(new["starts_at"])]


@pytest.mark.requirement("BKG-51", "BKG-26")
async def test_a_move_onto_a_taken_slot_leaves_the_old_one(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic = await open_clinic(suite, http)
    patient, other = await register(suite, http), await register(suite, http)
    day = suite.now() + DAY
    slots = await free_slots(patient.person, clinic, day)
    old, taken = slots[0], slots[1]
    reserved = await reserve_and_pay(suite, patient, clinic, old["starts_at"])
    appointment_id = reserved["appointment_id"]
    await reserve(other, clinic, taken["starts_at"])
    with pytest.raises(Refused) as refused:
        await move(patient.person, appointment_id, taken["starts_at"])
    assert (refused.value.status, refused.value.code) == (409, "SLOT_TAKEN")
    free = [slot["starts_at"] for slot in refused.value.problem["facts"]["free_slots"]]
    assert free == [slot["starts_at"] for slot in slots[2:]]
    shown = await patient.person.get(f"/api/v1/appointments/{appointment_id}")
    assert (shown["status"], shown["starts_at"], shown["moves"]) == (
        *("RESERVED", old["starts_at"]),
        0,
    )
    assert old not in await free_slots(patient.person, clinic, day)


async def _be_at(suite: Suite, instant: datetime, *people: Person) -> None:
    await suite.forward_to(instant)
    for person in people:
        await person.sign_in()


async def _lead_minutes(suite: Suite, appointment_id: str) -> int:
    """How many whole minutes ahead it was cancelled, as the log has it."""
    story = await suite.timeline(appointment_id)
    [cancelled] = [entry for entry in story if entry["type"].startswith("AppointmentCancelled.")]
    return int(cancelled["facts"]["lead_minutes"])


def _doctors_mailbox(suite: Suite, clinic: Clinic) -> Mailbox:
    return Mailbox(clinic.doctor.http, suite.url("mail"), clinic.doctor.login)


async def _calendar_event(mailbox: Mailbox, letter: dict[str, Any]) -> Any:
    calendar = Calendar.from_ical(await mailbox.attachment(letter, "invitation.ics"))
    [event] = calendar.walk("VEVENT")
    return event


async def _expect_money_returned_once_at_the_acquirer(
    suite: Suite, http: httpx.AsyncClient, payment_id: str
) -> None:
    acquirer = suite.url("acquirer")
    payments = (await http.get(f"{acquirer}/sandbox/payments")).json()["items"]
    [payment] = [one for one in payments if one["metadata"]["payment_id"] == payment_id]
    assert (
        payment["refunded_amount"] == payment["amount"] == {"value": "1500.00", "currency": "RUB"}
    )
    refunds = (await http.get(f"{acquirer}/sandbox/refunds")).json()["items"]
    [refund] = [one for one in refunds if one["payment_id"] == payment["id"]]
    assert (refund["status"], refund["amount"]) == ("succeeded", payment["amount"])
