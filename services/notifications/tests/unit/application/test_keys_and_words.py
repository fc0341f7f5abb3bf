"""The key of a message, and the words of every type in both languages."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from notifications.application.queueing import message_id_of
from notifications.application.wording import Wording, language_of
from notifications.domain.message_types import MESSAGE_TYPES, Channel, MessageType
from service_kit.run import service_texts
from service_kit.texts import LANGUAGES, Language
from vocabulary.ids import AppointmentId

EVENT, OTHER, ANNA, BORIS = (UUID(int=number) for number in (1, 2, 3, 4))
START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
FACTS = {
    "clinic": "ООО «Север»",
    "branch": "На Тверской",
    "address": "Тверская, 1",
    "doctor": "Петрова Алёна",
    "specialty": "Терапевт",
    "kind": "CLINIC",
    "zone": "Asia/Yekaterinburg",
    "starts_at": START.isoformat(),
    "ends_at": START.isoformat(),
    "previous_starts_at": START.isoformat(),
    "refund": "KEPT",
    "by": "CLINIC",
    "amount_kopecks": "150000",
    "minutes": "15",
}
wording = Wording(service_texts("notifications"), "https://cabinet.example")


@pytest.mark.requirement("NTF-27")
def test_the_key_of_a_message_is_its_event_recipient_and_type() -> None:
    reminder = message_id_of(EVENT, ANNA, MessageType.REMINDER)
    assert message_id_of(EVENT, ANNA, MessageType.REMINDER) == reminder
    others = {
        message_id_of(OTHER, ANNA, MessageType.REMINDER),
        message_id_of(EVENT, BORIS, MessageType.REMINDER),
        message_id_of(EVENT, ANNA, MessageType.LATE_PAYMENT),
    }
    assert len(others | {reminder}) == 4


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message_type", MessageType)
def test_every_type_has_words_for_all_its_channels(
    message_type: MessageType, language: Language
) -> None:
    secrets = {"code": "482913"}
    words = wording.words(message_type, language, FACTS, secrets, AppointmentId(EVENT))
    by_sms = Channel.SMS in MESSAGE_TYPES[message_type].channels
    assert (words.sms is not None) == by_sms
    read = [words.subject, *words.paragraphs, words.link_title, words.sms or "-"]
    read += wording.shown_in_cabinet(message_type, language, FACTS)
    for text in read:
        assert text.strip()
        assert bool(re.search("[а-яё]", _ours(text))) <= (language == "ru")
    assert words.meeting is None


def _ours(text: str) -> str:
    """Without what comes from facts."""
    for fact in FACTS.values():
        text = text.replace(fact, "")
    return text


@pytest.mark.requirement("NTF-01")
def test_every_type_lists_its_channels_in_order() -> None:
    by_mail, also_by_sms = (Channel.EMAIL,), (Channel.EMAIL, Channel.SMS)
    assert {kind: rule.channels for kind, rule in MESSAGE_TYPES.items()} == {
        MessageType.CONFIRMATION_CODE: also_by_sms,
        MessageType.APPOINTMENT_RESERVED: also_by_sms,
        MessageType.APPOINTMENT_RESCHEDULED: also_by_sms,
        MessageType.APPOINTMENT_CANCELLED: also_by_sms,
        MessageType.HOLD_EXPIRED: by_mail,
        MessageType.LATE_PAYMENT: also_by_sms,
        MessageType.REMINDER: also_by_sms,
        MessageType.PAYMENT_SUCCEEDED: by_mail,
        MessageType.PAYMENT_FAILED: by_mail,
        MessageType.REFUND_SUCCEEDED: also_by_sms,
        MessageType.CONCLUSION_READY: also_by_sms,
    }


def test_times_are_those_of_the_branch_and_its_zone_is_named() -> None:
    title, _ = wording.shown_in_cabinet(MessageType.REMINDER, "en", FACTS)
    assert title.endswith("December 1, 2026, 12:00 (UTC+5)")


def test_an_unknown_language_is_russian() -> None:
    assert [language_of(text) for text in ("ru", "en", "de", "")] == ["ru", "en", "ru", "ru"]
