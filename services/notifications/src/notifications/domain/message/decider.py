"""Rules of a message: sent once (NTF-27), over the first channel that takes it (NTF-01)."""

from collections.abc import Sequence
from typing import assert_never

from decider import Decider
from notifications.domain.message.commands import (
    DropExpired,
    MessageCommand,
    QueueMessage,
    RecordRefusal,
    RecordSent,
    StartSending,
)
from notifications.domain.message.errors import NothingToSend, NotTheNextChannel
from notifications.domain.message.events import (
    ChannelFailed,
    MessageEvent,
    MessageFailed,
    MessageQueued,
    MessageSent,
    MessageSuppressed,
    SendingStarted,
)
from notifications.domain.message.state import Finished, Message, Queued, Unknown, evolve
from notifications.domain.message_types import MESSAGE_TYPES, Channel

__all__ = ["MESSAGE", "decide"]


def decide(command: MessageCommand, state: Message) -> Sequence[MessageEvent]:
    match command:
        case QueueMessage():
            return queue(command, state)
        case DropExpired():
            return drop_expired(command, state)
        case StartSending():
            return start(command, state)
        case RecordSent():
            return sent(command, state)
        case RecordRefusal():
            return refused(command, state)
        case _:
            assert_never(command)


def queue(command: QueueMessage, state: Message) -> Sequence[MessageQueued | MessageSuppressed]:
    if not isinstance(state, Unknown):
        return []
    queued = Queued(details=command.details)
    if MESSAGE_TYPES[command.details.message_type].optional and not command.wanted:
        reason = "NOT_WANTED"
    elif not queued.channels:
        reason = "NO_ADDRESS"
    else:
        return [MessageQueued(details=command.details, queued_at=command.now)]
    return [MessageSuppressed(details=command.details, reason=reason, suppressed_at=command.now)]


def drop_expired(command: DropExpired, state: Message) -> Sequence[MessageSuppressed]:
    """A late code or reminder would only mislead; at the last instant of its use it is late."""
    if not isinstance(state, Queued):
        return []
    useful_until = state.details.useful_until
    if useful_until is None or command.now < useful_until:
        return []
    return [MessageSuppressed(details=state.details, reason="EXPIRED", suppressed_at=command.now)]


def start(command: StartSending, state: Message) -> Sequence[SendingStarted]:
    queued = _expect_next(state, command.channel)
    if queued.started:
        return []
    return [SendingStarted(channel=command.channel, started_at=command.now)]


def sent(command: RecordSent, state: Message) -> Sequence[MessageSent]:
    if isinstance(state, Finished):
        return []
    queued = _expect_next(state, command.channel)
    return [MessageSent(details=queued.details, channel=command.channel, sent_at=command.now)]


def refused(command: RecordRefusal, state: Message) -> Sequence[ChannelFailed | MessageFailed]:
    if isinstance(state, Finished) or (
        isinstance(state, Queued) and command.channel in state.refused
    ):
        return []
    queued = _expect_next(state, command.channel)
    failed = ChannelFailed(channel=command.channel, reason=command.reason)
    if queued.channels[1:]:
        return [failed]
    return [
        failed,
        MessageFailed(details=queued.details, channel=command.channel, reason=command.reason),
    ]


def _expect_next(state: Message, channel: Channel) -> Queued:
    if not isinstance(state, Queued):
        raise NothingToSend
    if channel != state.channels[0]:
        raise NotTheNextChannel
    return state


MESSAGE: Decider[MessageCommand, Message, MessageEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)
