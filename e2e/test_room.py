"""The consultation room from both sides: the gate on payment, the lead of the doctor, reconnects, files, the end."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from journeys.clinic import Clinic, open_clinic, pay_to_enter
from journeys.consultation import Talk, find_consultation, join
from journeys.outside import pay
from journeys.person import Person, Refused
from journeys.suite import Suite, utc
from journeys.visit import (
    DAY,
    Patient,
    free_slots,
    register,
    reserve,
    reserve_and_pay,
    start_payment,
)

LEAD = timedelta(minutes=15)
REPORT = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.mark.requirement("BKG-31", "ROOM-16", "ROOM-17", "BIL-09", "BIL-45")
async def test_a_visit_booked_first_is_paid_before_the_door_and_entered_without_signing_in_again(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    await pay_to_enter(clinic)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment = await reserve(patient, clinic, slot["starts_at"])
    assert (appointment["status"], appointment["payment_status"]) == ("RESERVED", "UNPAID")
    consultation = await find_consultation(patient.person, appointment["appointment_id"])
    at = f"/api/v1/consultations/{consultation['consultation_id']}"
    assert not consultation["can_connect"]
    for person, step in ((patient.person, "connection"), (clinic.doctor, "taking")):
        assert await _refusal(person, "POST", f"{at}/{step}") == (402, "PAYMENT_REQUIRED")
    assert await _refusal(patient.person, "GET", f"{at}/messages") == (402, "PAYMENT_REQUIRED")

    token = patient.person.token
    payment = await start_payment(patient, appointment["appointment_id"], suite)
    await pay(http, payment["confirmation_url"])
    await patient.person.until(at, "the room knows of the payment", payment_status="PAID")
    entered = await patient.person.post(f"{at}/connection")
    assert entered["status"] == "PATIENT_WAITING"
    async with join(suite.url("gateway"), patient.person, consultation["consultation_id"]) as talk:
        await talk.say("Я уже здесь.")
    assert patient.person.token == token


@pytest.mark.requirement("ROOM-07", "ROOM-08", "ROOM-14", "ROOM-24", "OPS-14")
async def test_the_doctor_takes_it_from_15_minutes_before_and_not_16(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient, consultation = await _reserved(suite, http)
    at = f"/api/v1/consultations/{consultation['consultation_id']}"
    waiting = await patient.person.post(f"{at}/connection")
    assert waiting["status"] == "PATIENT_WAITING"
    starts_at = utc(consultation["planned_start"])

    await suite.forward_to(starts_at - LEAD - timedelta(minutes=1))
    await clinic.doctor.sign_in()
    with pytest.raises(Refused) as refused:
        await clinic.doctor.post(f"{at}/taking")
    assert (refused.value.status, refused.value.code) == (409, "TOO_EARLY")
    assert utc(refused.value.problem["facts"]["allowed_at"]) == starts_at - LEAD

    await suite.forward_to(starts_at - LEAD)
    await clinic.doctor.sign_in()
    taken = await clinic.doctor.post(f"{at}/taking")
    assert taken["status"] == "IN_WORK"
    counts = (await clinic.doctor.get("/api/v1/consultations", list="in_work"))["counts"]
    assert counts["in_work"] == 1


@pytest.mark.requirement("ROOM-19", "ROOM-23", "ROOM-31", "ROOM-57", "ROOM-60", "ROOM-62")
async def test_who_comes_back_gets_what_was_missed_and_after_the_end_nothing_is_added(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient, consultation = await _reserved(suite, http)
    consultation_id, gateway = consultation["consultation_id"], suite.url("gateway")
    at = f"/api/v1/consultations/{consultation_id}"
    await _be_ready(suite, patient, clinic, consultation)
    await clinic.doctor.post(f"{at}/taking")
    async with join(gateway, patient.person, consultation_id) as before:
        await before.say("Слышно меня?")
    async with join(gateway, clinic.doctor, consultation_id) as theirs:
        for text in ("Да.", "Вы пропали.", "Возвращайтесь."):
            await theirs.say(text)
        async with join(gateway, patient.person, consultation_id, before.last_seen) as after:
            assert _texts(after) == ["Да.", "Вы пропали.", "Возвращайтесь."]
            await after.say("Я вернулась.")
            await theirs.heard(lambda message: message.get("text") == "Я вернулась.")
        assert (await patient.person.get(at))["status"] == "IN_WORK"
        numbers = [message["number"] for message in [*before.messages, *after.messages]]
        assert numbers == list(range(1, len(numbers) + 1))
        await clinic.doctor.post(f"{at}/completion")
        await theirs.ended()

    message = {"client_message_id": "0190a0dd-0000-7000-8000-000000000001", "text": "Ещё вопрос"}
    closed = (409, "CONSULTATION_CLOSED")
    for person in (patient.person, clinic.doctor):
        assert await _refusal(person, "POST", f"{at}/messages", json=message) == closed
        assert await _refusal(person, "POST", f"{at}/files", files=_form()) == closed
        history = (await person.get(f"{at}/messages", limit=200))["items"]
        assert "Я вернулась." in [told["text"] for told in history]
        assert [told["number"] for told in history] == list(range(1, len(history) + 1))
    assert await _refusal(patient.person, "POST", f"{at}/connection") == closed
    assert (await patient.person.get(at))["status"] == "COMPLETED"


@pytest.mark.requirement("ROOM-20", "ROOM-25", "GW-24")
async def test_a_file_reaches_the_other_side_and_no_stranger(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient, consultation = await _reserved(suite, http)
    consultation_id, gateway = consultation["consultation_id"], suite.url("gateway")
    at = f"/api/v1/consultations/{consultation_id}"
    await _be_ready(suite, patient, clinic, consultation)
    shared = (await patient.person.ask("POST", f"{at}/files", files=_form())).json()
    assert (shared["name"], shared["size"]) == ("анализ крови.pdf", len(REPORT))
    file = f"{at}/files/{shared['file_id']}"
    async with (
        join(gateway, patient.person, consultation_id) as ours,
        join(gateway, clinic.doctor, consultation_id) as theirs,
    ):
        await ours.say("Вот анализ.", [shared["file_id"]])
        heard = await theirs.heard(lambda message: message["files"])
        assert heard["files"] == [shared]
    for person in (clinic.doctor, patient.person):
        assert (await person.ask("GET", file)).content == REPORT

    another, another_clinic = await register(suite, http), await open_clinic(suite, http)
    for stranger in (another.person, another_clinic.doctor):
        assert await _refusal(stranger, "GET", file) == (403, "NOT_YOURS")
        assert await _refusal(stranger, "GET", f"{at}/messages") == (403, "NOT_YOURS")
        assert await _refusal(stranger, "POST", f"{at}/connection") == (403, "NOT_YOURS")
    elsewhere = await register(suite, http, "south")
    assert (await _refusal(elsewhere.person, "GET", file))[0] == 404
    program = {"file": ("анализ.pdf", b"MZ\x90\x00" + bytes(100), "application/pdf")}
    disguised = await _refusal(patient.person, "POST", f"{at}/files", files=program)
    assert disguised == (422, "FILE_TYPE_NOT_ALLOWED")


async def _reserved(
    suite: Suite, http: httpx.AsyncClient
) -> tuple[Clinic, Patient, dict[str, Any]]:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment = await reserve_and_pay(suite, patient, clinic, slot["starts_at"])
    return clinic, patient, await find_consultation(patient.person, appointment["appointment_id"])


async def _be_ready(
    suite: Suite, patient: Patient, clinic: Clinic, consultation: dict[str, Any]
) -> None:
    await suite.forward_to(utc(consultation["planned_start"]) - timedelta(minutes=10))
    await patient.person.sign_in()
    await clinic.doctor.sign_in()


async def _refusal(person: Person, method: str, path: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        await person.ask(method, path, **options)
    return refused.value.status, refused.value.code


def _texts(talk: Talk) -> list[str]:
    return [message["text"] for message in talk.messages]


def _form() -> dict[str, Any]:
    return {"file": ("анализ крови.pdf", REPORT, "application/pdf")}
