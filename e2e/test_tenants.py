"""Two clinics side by side: neither ever sees anything of the other."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from journeys.clinic import Clinic, open_clinic
from journeys.conclusion import download, published, write_and_attach
from journeys.consultation import find_consultation, meet
from journeys.person import Person, Refused
from journeys.suite import Suite, utc
from journeys.visit import DAY, Patient, free_slots, invoice_of, register, reserve, reserve_and_pay

ABSENT = {403, 404}


@pytest.mark.requirement("IDN-03")
async def test_two_clinics_never_see_each_other(suite: Suite, http: httpx.AsyncClient) -> None:
    north, south = [await _visited(suite, http, tenant) for tenant in ("north", "south")]
    for own, foreign in ((north, south), (south, north)):
        await own.see_each_of(own.things, present=True)
        await own.see_each_of(foreign.things, present=False)
        await own.see_nothing_listed_of(foreign)


@pytest.mark.requirement("IDN-03", "IDN-20")
async def test_an_account_of_one_clinic_is_none_at_the_other(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    patient = await register(suite, http, "north")
    await register(suite, http, "south")
    moved = Person(
        http=http, tenant="south", login=patient.person.login, password=patient.person.password
    )
    with pytest.raises(Refused) as refused:
        await moved.sign_in()
    assert (refused.value.status, refused.value.code) == (401, "INVALID_CREDENTIALS")
    # The token says whose it is; a header that says otherwise opens nothing.
    patient.person.tenant = "south"
    with pytest.raises(Refused) as mismatch:
        await patient.person.get("/api/v1/me")
    assert (mismatch.value.status, mismatch.value.code) == (403, "TENANT_MISMATCH")


@pytest.mark.requirement("IDN-03", "OPS-15", "BKG-29")
async def test_a_policy_of_one_clinic_holds_for_it_alone(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    holds = {}
    for tenant, policies in (("north", {}), ("south", {"booking": {"hold_minutes": 25}})):
        clinic = await open_clinic(suite, http, tenant, policies=policies)
        patient = await register(suite, http, tenant)
        slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
        asked_at = suite.now()
        held = await reserve(patient, clinic, slot["starts_at"])
        holds[tenant] = round((utc(held["hold_expires_at"]) - asked_at) / timedelta(minutes=1))
        history = await clinic.administrator.get("/api/v1/policies/booking/history")
        changed = [(one["key"], one["value"]) for one in history["items"]]
        assert (("hold_minutes", 25) in changed) == (tenant == "south")
    assert holds == {"north": 15, "south": 25}


class Visited:
    """A clinic in which a patient booked, paid, talked and got a conclusion; and where each of these is found."""

    def __init__(self, clinic: Clinic, patient: Patient, things: dict[str, str]) -> None:
        self.clinic, self.patient, self.things = clinic, patient, things
        self.people = (patient.person, clinic.doctor, clinic.administrator)

    async def see_each_of(self, things: dict[str, str], *, present: bool) -> None:
        """Everybody of this clinic together sees all of the things, or nobody sees any."""
        for what, path in things.items():
            statuses = {await _status(person, path) for person in self.people}
            if present:
                assert 200 in statuses, what
            else:
                assert statuses <= ABSENT, (what, statuses)

    async def see_nothing_listed_of(self, foreign: "Visited") -> None:
        """No list of this clinic holds anything of the other."""
        admin, doctor, patient = self.clinic.administrator, self.clinic.doctor, self.patient.person
        appointment_id = foreign.things["appointment"].rpartition("/")[2]
        branch_id = str(foreign.clinic.branch_id)
        lists = [
            await admin.get("/api/v1/doctors", limit=200),
            await admin.get("/api/v1/search", q="Петрова"),
            await admin.get("/api/v1/payments", limit=200),
            await admin.get("/api/v1/refunds", limit=200),
            await admin.get("/api/v1/consultations", limit=200),
            await admin.get("/api/v1/messages", limit=200),
            await doctor.get("/api/v1/doctor/appointments", limit=200),
            await doctor.get("/api/v1/consultations", list="closed", limit=200),
            await patient.get("/api/v1/appointments", filter="all", limit=200),
            await patient.get("/api/v1/medcard/conclusions", limit=200),
        ]
        ids = foreign.ids()
        for number, listed in enumerate(lists):
            assert not [one for one in ids if one in str(listed)], number
        assert [one for one in self.ids() if one in str(lists)] == self.ids()
        for path, query in (
            ("/api/v1/invoices", {"appointment_id": appointment_id}),
            ("/api/v1/messages", {"appointment_id": appointment_id}),
            ("/api/v1/consultations", {"appointment_id": appointment_id}),
            ("/api/v1/doctors", {"branch_id": branch_id}),
        ):
            assert (await admin.get(path, **query))["items"] == [], path
        assert (await admin.get("/api/v1/price-list", branch_id=branch_id))["departments"] == []

    def ids(self) -> list[str]:
        """What lists would show of this clinic."""
        things = ("appointment", "invoice", "payment", "consultation", "card")
        return [
            *(self.things[thing].rpartition("/")[2] for thing in things),
            str(self.clinic.clinician_id),
            str(self.patient.person.patient_id),
        ]


async def _visited(suite: Suite, http: httpx.AsyncClient, tenant: str) -> Visited:
    clinic, patient = await open_clinic(suite, http, tenant), await register(suite, http, tenant)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment = await reserve_and_pay(suite, patient, clinic, slot["starts_at"])
    invoice = await invoice_of(patient.person, appointment["appointment_id"])
    consultation = await find_consultation(patient.person, appointment["appointment_id"])
    await suite.forward_to(utc(slot["starts_at"]) - timedelta(minutes=10))
    for person in (patient.person, clinic.doctor, clinic.administrator):
        await person.sign_in()
    room = consultation["consultation_id"]
    await meet(suite.url("gateway"), patient.person, clinic.doctor, room)
    await write_and_attach(clinic.doctor, room)
    await published(clinic.doctor, room)
    card, _ = await download(patient.person)
    return Visited(clinic, patient, _things(clinic, appointment, invoice, room, card))


def _things(
    clinic: Clinic,
    appointment: dict[str, Any],
    invoice: dict[str, Any],
    consultation_id: str,
    card: dict[str, Any],
) -> dict[str, str]:
    at = "/api/v1"
    day = appointment["starts_at"][:10]
    return {
        "doctor": f"{at}/doctors/{clinic.clinician_id}",
        "slots": f"{at}/doctors/{clinic.clinician_id}/slots?date={day}",
        "calendar": f"{at}/doctors/{clinic.clinician_id}/calendar?month={day[:7]}",
        "appointment": f"{at}/appointments/{appointment['appointment_id']}",
        "invoice": f"{at}/invoices/{invoice['invoice_id']}",
        "payment": f"{at}/payments/{invoice['payment_id']}",
        "consultation": f"{at}/consultations/{consultation_id}",
        "messages": f"{at}/consultations/{consultation_id}/messages",
        "conclusion": f"{at}/consultations/{consultation_id}/conclusion",
        "card": f"{at}/conclusions/{card['conclusion_id']}",
        "document": f"{at}/conclusions/{card['conclusion_id']}/document",
        "story": f"{at}/audit/appointments/{appointment['appointment_id']}",
    }


async def _status(person: Person, path: str) -> int:
    try:
        return (await person.ask("GET", path)).status_code
    except Refused as refused:
        return refused.status
