"""The own feed, the clinic's list, and who may see them."""

from datetime import timedelta
from typing import Any

from service_kit.testing import Example, access_walk

FEED, LIST = "/api/v1/notifications", "/api/v1/messages"
MOMENT = timedelta(microseconds=1)


async def test_a_person_sees_what_was_told_in_the_language_they_read(world: Any) -> None:
    await world.tell(world.reserved())
    await world.pass_time(MOMENT)
    await world.tell(world.cancelled(), world.decided())
    shown = (await world.get(FEED))["items"]
    assert [item["type"] for item in shown] == ["APPOINTMENT_CANCELLED", "APPOINTMENT_RESERVED"]
    assert shown[1]["title"] == "Вы записаны на приём: 1 декабря 2026 г., 10:00 (UTC+3)"
    assert "Врач: Петрова Алёна" in shown[1]["text"]
    assert shown[1]["branch"] == "На Тверской"
    english = (await world.get(FEED, language="en"))["items"]
    assert english[1]["title"] == "Your appointment: December 1, 2026, 10:00 (UTC+3)"
    doctors = (await world.get(FEED, who="clinician"))["items"]
    assert [item["type"] for item in doctors] == ["APPOINTMENT_CANCELLED"]
    assert (await world.get(FEED, patient_id=world.doctor))["items"] == doctors
    assert (await world.get(FEED, patient_id=world.appointment))["items"] == []


async def test_what_is_not_sent_is_shown_all_the_same(empty_world: Any) -> None:
    await empty_world.open_clinic(letters_allowed=False)
    await empty_world.tell(empty_world.reserved())
    assert len((await empty_world.get(FEED))["items"]) == 1


async def test_a_code_is_never_shown(world: Any) -> None:
    await world.tell(await world.code_issued())
    answer = await world.send("GET", FEED)
    assert "CONFIRMATION_CODE" in answer.text
    assert "482913" not in answer.text
    assert "482913" not in (await world.send("GET", LIST, who="administrator")).text


async def test_the_feed_goes_back_as_far_as_the_clinic_has_settled(world: Any) -> None:
    await world.tell(world.reserved())
    await world.pass_time(timedelta(days=7) - MOMENT)
    assert len((await world.get(FEED))["items"]) == 1
    world.clock.advance(MOMENT)
    assert len((await world.get(FEED))["items"]) == 1
    world.clock.advance(MOMENT)
    assert (await world.get(FEED))["items"] == []
    await world.set_policy("feed_days", 8)
    assert len((await world.get(FEED))["items"]) == 1


async def test_lists_come_in_pages(world: Any) -> None:
    await world.tell(world.requested(), *world.money())
    for path, who in ((FEED, "patient"), (LIST, "administrator")):
        whole = [item["message_id"] for item in (await world.get(path, who=who))["items"]]
        seen: list[str] = []
        page = await world.get(f"{path}?limit=1", who=who)
        while True:
            seen += [item["message_id"] for item in page["items"]]
            if page["next"] is None:
                break
            page = await world.get(f"{path}?limit=1&cursor={page['next']}", who=who)
        assert seen == whole
        assert len(seen) == 3
        wrong = await world.send("GET", f"{path}?cursor=nonsense", who=who)
        assert (wrong.status_code, wrong.json()["code"]) == (400, "CURSOR_INVALID")


async def test_an_administrator_sees_how_messages_went_without_texts_and_addresses(
    world: Any,
) -> None:
    await world.mail.behave(refuse_next=1, refuse_code=550)
    await world.tell(world.reserved())
    answer = await world.send("GET", f"{LIST}?status=SENT", who="administrator")
    [row] = answer.json()["items"]
    assert (row["type"], row["status"], row["channel"]) == ("APPOINTMENT_RESERVED", "SENT", "SMS")
    assert (row["recipient_id"], row["reason"]) == (str(world.patient), None)
    assert row["sent_at"] == row["queued_at"]
    for personal in (world.anna, world.phone, "Петрова"):
        assert personal not in answer.text
    for filters in ("status=FAILED", f"appointment_id={world.patient}"):
        assert (await world.get(f"{LIST}?{filters}", who="administrator"))["items"] == []
    own = await world.get(f"{LIST}?appointment_id={world.appointment}", who="administrator")
    assert own["items"] == [row]


async def test_two_clinics_never_see_each_others_anything(world: Any) -> None:
    """The same ids in both, so that nothing but the tenant keeps them apart."""
    await world.open_clinic("south")
    await world.tell(world.reserved())
    await world.set_policy("feed_days", 3)
    for path, who in ((FEED, "patient"), (LIST, "administrator")):
        assert len((await world.get(path, who=who))["items"]) == 1
        assert (await world.get(path, who=who, tenant="south"))["items"] == []
    policies = "/api/v1/policies/notifications"
    south = await world.get(policies, who="administrator", tenant="south")
    assert '"value":3' not in str(south).replace("'", '"').replace(": ", ":")


async def test_every_route_lets_in_whom_the_table_names(world: Any) -> None:
    examples = {
        "set_policy": Example(json={"key": "feed_days", "value": 9, "reason": "TRIAL"}),
    }
    findings = await access_walk(
        world.app, examples, patient_id=world.patient, clinician_id=world.doctor
    )
    assert findings == []


async def test_an_account_without_a_card_has_no_feed(world: Any) -> None:
    answer = await world.send("GET", FEED, patient_id=None)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_YOURS")
