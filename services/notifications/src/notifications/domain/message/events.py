"""Facts of a message. Their names and fields are stored for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from notifications.domain.message_types import Channel, MessageType
from vocabulary.ids import AppointmentId, MessageId
from vocabulary.sealed import Sealed

__all__ = [
    "STORED_NAMES",
    "ChannelFailed",
    "MessageDetails",
    "MessageEvent",
    "MessageFailed",
    "MessageQueued",
    "MessageSent",
    "MessageSuppressed",
    "SendingStarted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetails:
    """What is told to whom. `facts` go into the text as they are and are never personal; `sealed` are opened only
    to be sent; `addresses` are those that the type's channels found, in their order. From `useful_until` on it is not
    sent any more.
    """

    message_id: MessageId
    message_type: MessageType
    recipient_id: UUID
    language: str
    addresses: Mapping[Channel, Sealed[str]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    sealed: Mapping[str, Sealed[str]] = field(default_factory=dict)
    appointment_id: AppointmentId | None = None
    useful_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueued:
    """It is to be sent."""

    details: MessageDetails
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingStarted:
    """Recorded before the channel is asked, so that a crash in between is noticed (NTF-27)."""

    channel: Channel
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """The channel's provider took it."""

    details: MessageDetails
    channel: Channel
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFailed:
    """The provider refused for good; the next channel is tried."""

    channel: Channel
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed:
    """No channel took it."""

    details: MessageDetails
    channel: Channel
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSuppressed:
    """It is not sent; the cabinet shows it. `reason`: NOT_WANTED, NO_ADDRESS or EXPIRED."""

    details: MessageDetails
    reason: str
    suppressed_at: datetime


MessageEvent = (
    MessageQueued | SendingStarted | MessageSent | ChannelFailed | MessageFailed | MessageSuppressed
)

STORED_NAMES: dict[type[MessageEvent], str] = {
    MessageQueued: "MessageQueued.v1",
    SendingStarted: "SendingStarted.v1",
    MessageSent: "MessageSent.v1",
    ChannelFailed: "ChannelFailed.v1",
    MessageFailed: "MessageFailed.v1",
    MessageSuppressed: "MessageSuppressed.v1",
}
