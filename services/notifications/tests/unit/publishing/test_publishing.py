"""What others hear of messages."""

from datetime import UTC, datetime
from uuid import UUID

from contracts import notifications as public
from messaging.testing import envelope
from notifications.domain.message.events import (
    MessageDetails,
    MessageFailed,
    MessageQueued,
    MessageSent,
)
from notifications.domain.message_types import Channel, MessageType
from notifications.publishing import publish
from vocabulary.ids import AppointmentId, MessageId
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
details = MessageDetails(
    message_id=MessageId(UUID(int=1)),
    message_type=MessageType.REMINDER,
    recipient_id=UUID(int=2),
    language="ru",
    addresses={Channel.SMS: Sealed(subject=UUID(int=2), field="phone", cipher="c2VhbGVk")},
    facts={"doctor": "Петрова"},
    appointment_id=AppointmentId(UUID(int=3)),
)
FACT = {
    "message_id": UUID(int=1),
    "message_type": "REMINDER",
    "channel": "SMS",
    "recipient_id": UUID(int=2),
    "appointment_id": UUID(int=3),
}


def test_that_a_message_was_sent_or_failed_is_told_without_its_text_and_address() -> None:
    sent = MessageSent(details=details, channel=Channel.SMS, sent_at=NOW)
    failed = MessageFailed(details=details, channel=Channel.SMS, reason="SMS_207")
    assert publish(sent, envelope(1)) == public.MessageSent.model_validate(FACT)
    told = publish(failed, envelope(1))
    assert told == public.MessageFailed.model_validate({**FACT, "reason": "SMS_207"})
    assert told is not None
    assert "Петрова" not in told.model_dump_json()


def test_everything_else_stays_inside() -> None:
    assert publish(MessageQueued(details=details, queued_at=NOW), envelope(1)) is None
