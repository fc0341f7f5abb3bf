"""Who may do what, and what tenants see of each other: nothing."""

from typing import Any
from uuid import UUID

from service_kit.testing import Example, access_walk

APPOINTMENT = "/api/v1/appointments"
START = "2026-12-02T10:00:00+03:00"


async def test_every_route_lets_in_whom_the_table_names(world: Any) -> None:
    await world.set_policy("unconfirmed_limit", 10)
    own = await world.reserved("10:00")
    foreign = await world.reserved("11:00", patient_id=world.rival)
    template = (await world.get("/api/v1/schedule-templates", who="clinician"))["items"][0]
    theirs = await foreign_things(world)
    doctor = {"clinician_id": world.doctor}
    mine = {"template_id": template["template_id"]}
    body = dict(world.mornings)
    foreign_template = Example(path={"template_id": theirs["template"]})
    choice = {
        "clinician_id": str(world.doctor),
        "starts_at": START,
        "kind": "ONLINE",
        "service_id": str(world.service),
    }
    examples = {
        "search": Example(query={"q": "т"}),
        "read_doctor": Example(path=doctor),
        "read_calendar": Example(path=doctor),
        "read_slots": Example(path=doctor, query={"date": "2026-12-01"}),
        "set_default_service": Example(path=doctor, json={"service_id": None}),
        "summarise_slot": Example(
            path={**doctor, "starts_at": START},
            query={"kind": "ONLINE", "service_id": str(world.service)},
        ),
        "reserve_appointment": Example(json={**choice, "confirmed": True}),
        "read_appointment": Example(
            path={"appointment_id": own},
            foreign=Example(path={"appointment_id": theirs["appointment"]}),
        ),
        "cancel_appointment": Example(
            path={"appointment_id": own},
            json={},
            foreign=Example(path={"appointment_id": theirs["appointment"]}, json={}),
        ),
        "reschedule_appointment": Example(
            path={"appointment_id": own},
            json={"starts_at": "2026-12-01T10:00:00+03:00"},
            # With this very doctor, whom the table does not let move it.
            foreign=Example(path={"appointment_id": foreign}, json={"starts_at": START}),
        ),
        "complete_visit": Example(
            path={"appointment_id": own},
            foreign=Example(path={"appointment_id": theirs["appointment"]}),
        ),
        "mark_visit_missed": Example(
            path={"appointment_id": own},
            foreign=Example(path={"appointment_id": theirs["appointment"]}),
        ),
        "create_template": Example(
            json=body, foreign=Example(json={**body, "clinician_id": str(world.other_doctor)})
        ),
        "list_templates": Example(
            query={"clinician_id": str(world.doctor)},
            foreign=Example(query={"clinician_id": str(world.other_doctor)}),
        ),
        "read_template": Example(path=mine, foreign=foreign_template),
        "update_template": Example(
            path=mine,
            json=body,
            foreign=Example(path={"template_id": theirs["template"]}, json=body),
        ),
        "delete_template": Example(
            path=mine,
            query={"confirmed": "true"},
            foreign=Example(path={"template_id": theirs["template"]}, query={"confirmed": "true"}),
        ),
        "activate_template": Example(path=mine, foreign=foreign_template),
        "deactivate_template": Example(path=mine, foreign=foreign_template),
        "set_policy": Example(json={"key": "hold_minutes", "value": 20, "reason": "TRIAL"}),
    }
    findings = await access_walk(
        world.app, examples, patient_id=world.patient, clinician_id=world.doctor
    )
    assert findings == []


async def foreign_things(world: Any) -> dict[str, str]:
    """An appointment of another patient with another doctor, and that doctor's template."""
    await world.add_doctor(world.other_doctor)
    other = {"who": "clinician", "clinician_id": world.other_doctor}
    created = await world.send("POST", "/api/v1/schedule-templates", world.mornings, **other)
    template = created.json()["template_id"]
    await world.send("PUT", f"/api/v1/schedule-templates/{template}/activation", **other)
    await world.settle()
    appointment = await world.reserved("10:30", doctor=world.other_doctor, patient_id=world.rival)
    return {"template": template, "appointment": appointment}


async def test_two_clinics_never_see_each_others_anything(world: Any) -> None:
    """The same ids in both, so that nothing but the tenant keeps them apart."""
    await world.open_clinic(tenant="south")
    appointment_id = await world.reserved()
    elsewhere = {"tenant": "south"}
    assert (
        await world.send("GET", f"{APPOINTMENT}/{appointment_id}", **elsewhere)
    ).status_code == 404
    for path in (APPOINTMENT, f"{APPOINTMENT}?filter=all"):
        assert (await world.get(path, **elsewhere))["items"] == []
    assert (await world.get("/api/v1/doctor/appointments", who="clinician", **elsewhere))[
        "items"
    ] == []
    slots = f"/api/v1/doctors/{world.doctor}/slots?date=2026-12-01"
    assert len((await world.get(slots))["slots"]) == 2
    assert len((await world.get(slots, **elsewhere))["slots"]) == 3
    cancel = f"{APPOINTMENT}/{appointment_id}/cancellation"
    for who in ("patient", "clinician", "manager", "administrator"):
        assert (await world.send("POST", cancel, {}, who=who, **elsewhere)).status_code == 404
    move = f"{APPOINTMENT}/{appointment_id}/rescheduling"
    body = {"starts_at": "2026-12-01T11:00:00+03:00"}
    assert (await world.send("POST", move, body, **elsewhere)).status_code == 404
    assert await world.status_of(appointment_id) == ("RESERVED", "PAID")
    await world.reserved(tenant="south")
    assert len((await world.get(slots, **elsewhere))["slots"]) == 2
    await world.set_policy("hold_minutes", 45)
    south = await world.get("/api/v1/policies/booking", who="administrator", **elsewhere)
    assert {item["key"]: item["value"] for item in south["items"]}["hold_minutes"] == 15
    tenants = {envelope.tenant for envelope in await world.envelopes()}
    assert tenants == {"north", "south"}
    assert all(f"-{envelope.tenant}." in envelope.key for envelope in await world.envelopes())
    unknown = await world.get("/api/v1/doctors", who="anonymous", tenant="east")
    assert unknown["items"] == []


async def test_an_account_without_a_card_has_no_records(world: Any) -> None:
    for path in (APPOINTMENT,):
        answer = await world.send("GET", path, patient_id=None)
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_YOURS")
    answer = await world.send(
        "GET", "/api/v1/doctor/appointments", who="clinician", clinician_id=None
    )
    assert answer.status_code == 403
    gone = await world.send("GET", f"{APPOINTMENT}/{UUID(int=1)}")
    assert gone.status_code == 404


async def test_nothing_personal_is_stored_or_published_in_the_clear(world: Any) -> None:
    await world.reserved()
    stored = [event.data.decode() async for page in world.store.read_all() for event in page.events]
    told = [envelope.data.decode() for envelope in await world.envelopes()]
    assert any("Петрова" in text for text in stored), "doctors' names are public"
    assert not any('Иванов"' in text or "Пётр" in text for text in (*stored, *told))


async def test_facts_that_come_again_change_nothing(world: Any) -> None:
    before = await world.store.position()
    await world.open_clinic()
    facts = [
        event.type async for page in world.store.read_all(after=before) for event in page.events
    ]
    assert set(facts) <= {"ScheduleTemplateCreated.v1"}
