"""Who is told what, when, and in which words."""

from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar

from contracts.booking import LatePaymentRefused
from contracts.conclusions import ConclusionPublished
from contracts.identity import PatientContactsChanged
from messaging.memory import MemoryInbox
from notifications.domain.reminder_plan.decider import MONEY_WAIT

ZONED = "1 декабря 2026 г., 10:00 (UTC+3)"
MINUTE, MOMENT = timedelta(minutes=1), timedelta(microseconds=1)


def conclusion(world: Any) -> ConclusionPublished:
    return ConclusionPublished(
        conclusion_id=world.doctor,
        consultation_id=world.patient,
        appointment_id=world.appointment,
        patient_id=world.patient,
        clinician_id=world.doctor,
        document_sha256="0" * 64,
    )


def late(world: Any) -> LatePaymentRefused:
    return LatePaymentRefused(
        appointment_id=world.appointment, patient_id=world.patient, invoice_id=world.doctor
    )


@pytest.mark.requirement("NTF-06")
async def test_a_code_is_sent_at_once_to_the_address_it_was_asked_for(empty_world: Any) -> None:
    """Nothing is known of the person or the clinic yet, and no wish stands in the way."""
    world = empty_world
    await world.tell(await world.code_issued())
    [letter] = await world.letters()
    assert "482913" in letter["text"]
    assert "482913" in letter["html"]
    assert "15 мин" in letter["text"]
    assert "482913" not in letter["subject"]
    await world.tell(await world.code_issued(email=None, phone="+79161234567", language="en"))
    assert await world.sms() == ["Confirmation code: 482913. Tell it to nobody."]
    assert await world.told() == ["MessageSent.v1", "MessageSent.v1"]


@pytest.mark.requirement("NTF-09")
async def test_a_booking_is_confirmed_by_a_letter_with_a_link_to_its_card(world: Any) -> None:
    await world.tell(world.requested())
    assert await world.letters() == []
    await world.tell(world.reserved())
    [letter] = await world.letters()
    assert letter["subject"] == f"Вы записаны на приём: {ZONED}"
    assert f"https://cabinet.example/appointments/{world.appointment}" in letter["text"]
    assert f'href="https://cabinet.example/appointments/{world.appointment}"' in letter["html"]
    assert "Петрова Алёна" in letter["text"]
    assert letter["from"] == "clinic@kabinet.example"
    assert "ООО «Север»" in letter["headers"]["From"]
    assert await world.letters(world.petrova) == []


@pytest.mark.requirement("NTF-09")
async def test_no_letter_about_a_booking_goes_to_who_does_not_want_it(empty_world: Any) -> None:
    await empty_world.open_clinic(letters_allowed=False)
    await empty_world.tell(empty_world.reserved(), *empty_world.money()[:1])
    assert await empty_world.mail.messages() == []
    # A cancellation is told to everybody.
    await empty_world.tell(empty_world.cancelled(), empty_world.decided())
    assert len(await empty_world.letters()) == 1
    shown = await empty_world.get("/api/v1/messages?status=SUPPRESSED", who="administrator")
    assert {item["reason"] for item in shown["items"]} == {"NOT_WANTED"}


async def test_a_person_is_written_to_in_their_language_at_their_latest_address(
    world: Any,
) -> None:
    seal = world.sealers.of("north").seal
    await world.tell(
        PatientContactsChanged(
            patient_id=world.patient,
            language="en",
            email=await seal(world.patient, "email", "new@example.org"),
            letters_allowed=True,
        ),
        world.reserved(kind="CLINIC"),
    )
    assert await world.letters() == []
    [letter] = await world.letters("new@example.org")
    assert letter["subject"] == "Your appointment: December 1, 2026, 10:00 (UTC+3)"
    assert "Place: На Тверской, Тверская, 1" in letter["text"]


@pytest.mark.requirement("NTF-13")
@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("RETURNED", "Оплата будет возвращена полностью"),
        ("KEPT", "оплата не возвращается"),
        ("NOTHING_PAID", "Оплаты не было"),
    ],
)
@pytest.mark.parametrize("promised", [True, False])
async def test_both_sides_hear_of_a_cancellation_and_what_billing_does_with_the_money(
    world: Any, outcome: str, said: str, *, promised: bool
) -> None:
    """Whatever booking's own window says of it."""
    payment = "UNPAID" if outcome == "NOTHING_PAID" else "PAID"
    await world.tell(world.reserved(payment_status=payment))
    await world.forget()
    await world.tell(world.cancelled(refund_eligible=promised))
    assert await world.letters() == []
    await world.tell(world.decided(outcome), times=2)
    for address in (world.anna, world.petrova):
        [letter] = await world.letters(address)
        assert letter["subject"] == f"Приём отменён: {ZONED}"
        assert said in letter["text"]
    await world.pass_time(MONEY_WAIT)
    assert len(await world.letters()) == 1


@pytest.mark.requirement("NTF-13")
async def test_billing_may_be_ahead_of_booking(world: Any) -> None:
    await world.tell(world.reserved(), world.decided())
    await world.forget()
    await world.tell(world.cancelled())
    [letter] = await world.letters()
    assert "Оплата будет возвращена полностью" in letter["text"]


@pytest.mark.requirement("NTF-13")
async def test_what_was_paid_a_second_time_says_nothing_of_the_appointments_money(
    world: Any,
) -> None:
    await world.tell(world.reserved(), world.decided(cause="PAID_TWICE"))
    await world.forget()
    await world.tell(world.cancelled(), world.decided("KEPT"))
    [letter] = await world.letters()
    assert "оплата не возвращается" in letter["text"]


@pytest.mark.requirement("NTF-13", "OPS-14")
async def test_a_cancellation_does_not_wait_for_billing_for_ever(world: Any) -> None:
    await world.tell(world.reserved())
    await world.forget()
    await world.tell(world.cancelled())
    await world.pass_time(MONEY_WAIT - MOMENT)
    assert await world.letters() == []
    await world.pass_time(MOMENT)
    [letter] = await world.letters()
    assert "ещё не решено" in letter["text"]
    await world.tell(world.decided())
    assert len(await world.letters()) == 1


@pytest.mark.requirement("NTF-13")
async def test_a_free_appointment_is_cancelled_without_asking_billing(world: Any) -> None:
    await world.tell(world.reserved(payment_mode="FREE", payment_status="NOT_REQUIRED"))
    await world.forget()
    await world.tell(world.cancelled())
    [letter] = await world.letters()
    assert "Оплаты не было" in letter["text"]


@pytest.mark.requirement("NTF-13")
async def test_both_sides_hear_of_a_move(world: Any) -> None:
    await world.tell(world.reserved())
    await world.forget()
    await world.tell(world.moved(timedelta(hours=2)))
    for address in (world.anna, world.petrova):
        [letter] = await world.letters(address)
        assert letter["subject"] == "Приём перенесён на 1 декабря 2026 г., 12:00 (UTC+3)"
        assert ZONED in letter["text"]


async def test_the_end_of_a_mere_hold_is_told_to_the_patient_alone(world: Any) -> None:
    lapsed = {"was_reserved": False, "by": "SYSTEM", "refund_eligible": False}
    await world.tell(world.requested(), world.cancelled(reason="HOLD_EXPIRED", **lapsed))
    assert await world.subjects() == ["Время не оплачено: запись не состоялась"]
    limit = world.cancelled(reason="UNCONFIRMED_LIMIT", **lapsed)
    await world.tell(limit, world.decided("NOTHING_PAID"))
    assert (await world.subjects())[1:] == [f"Приём отменён: {ZONED}"]
    assert [letter["attachments"] for letter in await world.letters()] == [[], []]
    assert await world.letters(world.petrova) == []


@pytest.mark.requirement("NTF-24")
async def test_the_payer_hears_of_success_failure_and_refund(world: Any) -> None:
    await world.tell(world.requested(), *world.money(), late(world))
    assert await world.subjects() == [
        "Оплата получена: 1 500,00 ₽",
        "Оплата не прошла",
        "Деньги возвращены: 1 500,00 ₽",
        "Оплата поступила слишком поздно",
    ]


@pytest.mark.requirement("NTF-20")
async def test_the_patient_hears_of_a_published_conclusion(world: Any) -> None:
    await world.tell(world.requested(), conclusion(world))
    [letter] = await world.letters()
    assert letter["subject"] == "Готово заключение"
    assert f"https://cabinet.example/conclusions/{world.doctor}" in letter["text"]


async def test_an_sms_says_nothing_personal_or_medical(empty_world: Any) -> None:
    world = empty_world
    await world.open_clinic(email=None)
    await world.tell(world.requested(), world.reserved(), world.moved(timedelta(hours=2)))
    await world.pass_time(world.start + timedelta(hours=1) - world.clock.now())
    await world.tell(*world.money(), late(world), conclusion(world), world.cancelled())
    await world.tell(world.decided())
    texts = await world.sms()
    assert len(texts) == 7
    for word in ("Петрова", "Терапевт", "Иванова", "Анна", "http"):
        assert not [text for text in texts if word in text]


@pytest.mark.requirement("NTF-27")
async def test_whatever_is_told_again_is_sent_once(world: Any) -> None:
    await world.tell(await world.code_issued(), world.requested(), world.reserved(), times=3)
    await world.tell(world.moved(timedelta(hours=2)), *world.money(), times=3)
    await world.tell(conclusion(world), late(world), world.cancelled(), times=3)
    await world.tell(world.decided(), times=3)
    letters = [*await world.letters(), *await world.letters(world.petrova)]
    assert len(letters) == len({letter["message_id"] for letter in letters}) == 11
    assert {letter["duplicates"] for letter in letters} == {0}
    assert await world.told() == ["MessageSent.v1"] * 11


@pytest.mark.requirement("NTF-27")
async def test_what_comes_before_the_facts_that_it_needs_waits_for_them(empty_world: Any) -> None:
    """Topics keep no common order: billing and booking may be ahead of identity."""
    world = empty_world
    await world.publish(world.money()[0], world.requested(), world.reserved())
    await world.settle()
    assert await world.mail.messages() == []
    await world.open_clinic()
    async with world.live():
        await world.arrived(2)
    assert sorted(await world.subjects()) == [
        f"Вы записаны на приём: {ZONED}",
        "Оплата получена: 1 500,00 ₽",
    ]


@pytest.mark.requirement("NTF-27")
async def test_a_conclusion_before_its_appointment_and_a_booking_before_its_branch_wait(
    empty_world: Any,
) -> None:
    world = empty_world
    await world.tell(await world.patient_registered(), conclusion(world), world.reserved())
    assert await world.mail.messages() == []
    await world.open_clinic()
    async with world.live():
        await world.arrived(2)
    assert len(await world.letters()) == 2


async def test_invitations_follow_the_appointment_through_its_life(world: Any) -> None:
    await world.tell(world.reserved(), world.moved(timedelta(hours=2)))
    await world.tell(world.cancelled(), world.decided())
    events = []
    for letter in await world.letters():
        calendar = Calendar.from_ical(await world.calendar(letter))
        [event] = calendar.walk("VEVENT")
        summary = str(event["SUMMARY"])
        assert summary == "Приём: ООО «Север»"
        starts = event.decoded("DTSTART")
        assert starts.utcoffset() == timedelta(0)
        events.append((str(calendar["METHOD"]), event["SEQUENCE"], starts, str(event["STATUS"])))
        assert str(event["UID"]) == f"{world.appointment}@kabinet.example"
        assert "Терапевт" not in calendar.to_ical().decode()
    moved = world.start + timedelta(hours=2)
    assert events == [
        ("REQUEST", 0, world.start, "CONFIRMED"),
        ("REQUEST", 1, moved, "CONFIRMED"),
        ("CANCEL", 2, moved, "CANCELLED"),
    ]
    assert [letter["attachments"] for letter in await world.letters(world.petrova)] == [[], []]


@pytest.mark.requirement("NTF-11")
async def test_reminders_come_a_day_and_an_hour_before(world: Any) -> None:
    await world.tell(world.reserved())
    await world.forget()
    await world.pass_time(world.start - timedelta(days=1) - MOMENT - world.clock.now())
    assert await world.letters() == []
    await world.pass_time(MOMENT)
    assert await world.subjects() == [f"Напоминание о приёме: {ZONED}"]
    await world.pass_time(timedelta(hours=23) - MOMENT)
    assert len(await world.letters()) == 1
    await world.pass_time(MOMENT)
    assert len(await world.letters()) == 2
    await world.pass_time(timedelta(days=2))
    assert len(await world.letters()) == 2
    assert await world.letters(world.petrova) == []


@pytest.mark.requirement("NTF-11")
async def test_reminders_follow_a_move_and_end_with_a_cancellation(world: Any) -> None:
    await world.tell(world.reserved(), world.moved(timedelta(days=1)))
    await world.forget()
    await world.pass_time(world.start - timedelta(days=1) - world.clock.now())
    assert await world.letters() == []
    await world.pass_time(timedelta(days=1))
    assert len(await world.letters()) == 1
    await world.tell(world.cancelled(), world.decided())
    await world.forget()
    await world.pass_time(timedelta(days=1))
    assert await world.letters() == []


@pytest.mark.requirement("NTF-11")
async def test_nobody_is_reminded_of_a_visit_that_ended_early(world: Any) -> None:
    """The doctor takes it a quarter of an hour before its time and is soon done."""
    await world.set_policy("reminder_minutes", [5])
    await world.tell(world.reserved())
    await world.forget()
    await world.pass_time(world.start - timedelta(minutes=10) - world.clock.now())
    await world.tell(world.completed(), times=2)
    await world.pass_time(timedelta(minutes=10))
    assert await world.letters() == []


@pytest.mark.requirement("NTF-11")
async def test_a_lapsed_hold_that_is_heard_of_again_withdraws_no_reminder(world: Any) -> None:
    """The money came late and bought the slot after all; then a crash made the facts come again."""
    lapsed = world.cancelled(was_reserved=False, by="SYSTEM", reason="HOLD_EXPIRED")
    await world.tell(world.requested(), lapsed, world.reserved())
    world.start_up(inbox=MemoryInbox())
    await world.settle()
    await world.forget()
    await world.pass_time(world.start - timedelta(days=1) - world.clock.now())
    assert await world.subjects() == [f"Напоминание о приёме: {ZONED}"]


@pytest.mark.requirement("NTF-11")
async def test_when_to_remind_is_the_clinics_to_settle(world: Any) -> None:
    await world.set_policy("reminder_minutes", [30])
    await world.tell(world.reserved())
    await world.forget()
    await world.pass_time(world.start - timedelta(minutes=30) - MOMENT - world.clock.now())
    assert await world.letters() == []
    await world.pass_time(MOMENT)
    assert len(await world.letters()) == 1


async def test_a_tenant_may_have_a_sender_of_its_own(empty_world: Any) -> None:
    await empty_world.open_clinic("south")
    await empty_world.tell(empty_world.reserved(), tenant="south")
    [letter] = await empty_world.letters()
    assert letter["from"] == "south@clinic.example"
    assert letter["message_id"].endswith("@clinic.example>")
