"""A message goes out once, over the first channel that takes it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decider import Rejection, fold
from decider.testing import Specification
from notifications.domain.message.commands import (
    DropExpired,
    MessageCommand,
    QueueMessage,
    RecordRefusal,
    RecordSent,
    StartSending,
)
from notifications.domain.message.decider import MESSAGE
from notifications.domain.message.errors import NothingToSend, NotTheNextChannel
from notifications.domain.message.events import (
    ChannelFailed,
    MessageDetails,
    MessageEvent,
    MessageFailed,
    MessageQueued,
    MessageSent,
    MessageSuppressed,
    SendingStarted,
)
from notifications.domain.message_types import MESSAGE_TYPES, Channel, MessageType
from vocabulary.ids import MessageId
from vocabulary.sealed import Sealed

EMAIL, SMS = Channel.EMAIL, Channel.SMS
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANNA = UUID(int=1)
address = Sealed[str](subject=ANNA, field="email", cipher="c2VhbGVk")
details = MessageDetails(
    message_id=MessageId(UUID(int=2)),
    message_type=MessageType.APPOINTMENT_RESERVED,
    recipient_id=ANNA,
    language="ru",
    addresses={EMAIL: address, SMS: address},
)
code = replace(details, message_type=MessageType.CONFIRMATION_CODE)
by_sms_only = replace(details, addresses={SMS: address})
queue = QueueMessage(details=details, wanted=True, now=NOW)
start = StartSending(channel=EMAIL, now=NOW)
record_sent = RecordSent(channel=EMAIL, now=NOW)
refuse = RecordRefusal(channel=EMAIL, reason="SMTP_550")
queued = MessageQueued(details=details, queued_at=NOW)
started = SendingStarted(channel=EMAIL, started_at=NOW)
sent = MessageSent(details=details, channel=EMAIL, sent_at=NOW)
email_failed = ChannelFailed(channel=EMAIL, reason="SMTP_550")
sms_failed = ChannelFailed(channel=SMS, reason="SMS_207")
failed = MessageFailed(details=details, channel=SMS, reason="SMS_207")
message = Specification(MESSAGE)


@pytest.mark.requirement("NTF-27")
def test_a_message_is_queued_once() -> None:
    message.given().when(queue).then(queued)
    for history in ([queued], [queued, started], [queued, started, sent], [queued, email_failed]):
        message.given(*history).when(queue).then_nothing()


def test_who_does_not_want_letters_gets_only_what_is_mandatory() -> None:
    unwanted = replace(queue, wanted=False)
    suppressed = MessageSuppressed(details=details, reason="NOT_WANTED", suppressed_at=NOW)
    message.given().when(unwanted).then(suppressed)
    message.given(suppressed).when(queue).then_nothing()
    mandatory = replace(unwanted, details=code)
    message.given().when(mandatory).then(MessageQueued(details=code, queued_at=NOW))


@pytest.mark.requirement("NTF-01")
def test_a_message_without_an_address_for_its_channels_stays_in_the_cabinet() -> None:
    nowhere = replace(details, addresses={})
    message.given().when(replace(queue, details=nowhere)).then(
        MessageSuppressed(details=nowhere, reason="NO_ADDRESS", suppressed_at=NOW)
    )
    # A type that is not sent by SMS, to somebody who has only a telephone.
    letter_only = replace(by_sms_only, message_type=MessageType.PAYMENT_SUCCEEDED)
    message.given().when(replace(queue, details=letter_only)).then(
        MessageSuppressed(details=letter_only, reason="NO_ADDRESS", suppressed_at=NOW)
    )


@pytest.mark.requirement("NTF-01")
def test_channels_are_tried_in_the_order_of_the_type_until_one_takes_it() -> None:
    assert MESSAGE_TYPES[details.message_type].channels == (EMAIL, SMS)
    message.given(queued).when(start).then(started)
    message.given(queued, started).when(record_sent).then(sent)
    message.given(queued, started).when(refuse).then(email_failed)
    by_sms = StartSending(channel=SMS, now=NOW)
    history = (queued, started, email_failed)
    message.given(*history).when(by_sms).then(SendingStarted(channel=SMS, started_at=NOW))
    message.given(*history).when(RecordSent(channel=SMS, now=NOW)).then(replace(sent, channel=SMS))
    give_up = RecordRefusal(channel=SMS, reason="SMS_207")
    message.given(*history).when(give_up).then(sms_failed, failed)


def test_a_channel_without_an_address_is_passed_over() -> None:
    only = MessageQueued(details=by_sms_only, queued_at=NOW)
    by_sms = StartSending(channel=SMS, now=NOW)
    message.given(only).when(by_sms).then(SendingStarted(channel=SMS, started_at=NOW))
    message.given(only).when(start).then_rejected(NotTheNextChannel)


def test_a_channel_out_of_turn_is_refused() -> None:
    for command in (
        StartSending(channel=SMS, now=NOW),
        RecordSent(channel=SMS, now=NOW),
        RecordRefusal(channel=SMS, reason="SMS_207"),
    ):
        message.given(queued).when(command).then_rejected(NotTheNextChannel)
    message.given(queued, started, email_failed).when(record_sent).then_rejected(NotTheNextChannel)


@pytest.mark.requirement("NTF-27")
def test_what_is_finished_stays_finished() -> None:
    for end in (sent, failed):
        history = (queued, started, end)
        message.given(*history).when(record_sent).then_nothing()
        message.given(*history).when(refuse).then_nothing()
        message.given(*history).when(start).then_rejected(NothingToSend)
    for command in (start, record_sent, refuse):
        message.given().when(command).then_rejected(NothingToSend)


COMMANDS: list[MessageCommand] = [
    queue,
    replace(queue, wanted=False),
    replace(queue, details=by_sms_only),
    *(
        command
        for channel in Channel
        for command in (
            StartSending(channel=channel, now=NOW),
            RecordSent(channel=channel, now=NOW),
            RecordRefusal(channel=channel, reason="CODE"),
        )
    ),
]


@pytest.mark.requirement("NTF-27")
@given(st.lists(st.sampled_from(COMMANDS), max_size=12))
def test_whatever_is_asked_it_ends_once_and_repeats_change_nothing(
    commands: list[MessageCommand],
) -> None:
    history: list[MessageEvent] = []
    for command in commands:
        try:
            history += MESSAGE.decide(command, fold(MESSAGE, history))
            again = MESSAGE.decide(command, fold(MESSAGE, history))
        except Rejection:
            continue
        assert list(again) == []
    ends = [e for e in history if isinstance(e, MessageSent | MessageFailed | MessageSuppressed)]
    assert len(ends) <= 1


@given(
    st.lists(st.sampled_from([queued, started, sent, email_failed, sms_failed, failed]), max_size=8)
)
def test_any_history_can_be_folded(history: list[MessageEvent]) -> None:
    fold(MESSAGE, history)


@pytest.mark.requirement("NTF-06", "OPS-14")
def test_a_code_that_is_valid_no_more_is_dropped_exactly_then() -> None:
    until = NOW + timedelta(minutes=15)
    short_lived = replace(code, useful_until=until)
    waiting = MessageQueued(details=short_lived, queued_at=NOW)
    moment = timedelta(microseconds=1)
    for before in ((waiting,), (waiting, started), (waiting, started, email_failed)):
        message.given(*before).when(DropExpired(now=until - moment)).then_nothing()
        for late in (timedelta(0), moment):
            message.given(*before).when(DropExpired(now=until + late)).then(
                MessageSuppressed(details=short_lived, reason="EXPIRED", suppressed_at=until + late)
            )


def test_what_is_finished_or_useful_for_ever_is_not_dropped() -> None:
    late = DropExpired(now=NOW + timedelta(days=365))
    message.given(queued).when(late).then_nothing()
    message.given(queued, started, sent).when(late).then_nothing()
    message.given().when(late).then_nothing()
