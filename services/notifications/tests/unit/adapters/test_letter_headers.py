"""Long Cyrillic headers arrive as they were written, however they are folded."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from uuid import UUID

import pytest

from notifications.adapters.smtp import compose
from notifications.application.ports import Outgoing
from notifications.application.wording import Words
from service_kit.clock import FixedClock
from vocabulary.ids import MessageId, TenantId

CLOCK = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.mark.parametrize("length", range(40))
def test_no_space_is_lost_where_a_header_is_folded(length: int) -> None:
    subject = f"{'Н' * length} о приёме: 23 ноября 2026\u202fг., 09:00 (UTC+3) и ещё".strip()
    clinic = f"{'К' * length} Клиника Север и Юг, «Общество» с ответственностью".strip()
    letter = message_from_bytes(_letter(subject, clinic).as_bytes())
    assert str(make_header(decode_header(letter["Subject"]))) == subject
    assert str(make_header(decode_header(letter["From"]))) == f"{clinic} <clinic@kabinet.test>"


def test_a_letter_is_seven_bit_and_no_line_is_longer_than_smtp_allows() -> None:
    letter = _letter("Напоминание", None).as_bytes()
    assert letter.isascii()
    assert max(len(line) for line in letter.split(b"\r\n")) <= 78
    assert b"From: <clinic@kabinet.test>\r\n" in letter


def _letter(subject: str, clinic: str | None) -> EmailMessage:
    words = Words(
        clinic=clinic,
        subject=subject,
        paragraphs=["Напоминаем: ваш приём начнётся завтра. " * 20],
        link=None,
        link_title="Открыть карточку",
        sms=None,
        meeting=None,
    )
    outgoing = Outgoing(
        tenant=TenantId("north"),
        message_id=MessageId(UUID(int=7)),
        address="anna@mail.test",
        words=words,
    )
    return compose(outgoing, sender="clinic@kabinet.test", clock=CLOCK)
