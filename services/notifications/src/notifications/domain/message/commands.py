"""Wishes about a message."""

from dataclasses import dataclass
from datetime import datetime

from notifications.domain.message.events import MessageDetails
from notifications.domain.message_types import Channel

__all__ = [
    "DropExpired",
    "MessageCommand",
    "QueueMessage",
    "RecordRefusal",
    "RecordSent",
    "StartSending",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """`wanted` is the recipient's agreement to letters; it matters for optional types only."""

    details: MessageDetails
    wanted: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DropExpired:
    """Let go of it if it is of no use any more."""

    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSending:
    channel: Channel
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSent:
    channel: Channel
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefusal:
    """The provider will never take this message; `reason` is a code."""

    channel: Channel
    reason: str


MessageCommand = QueueMessage | DropExpired | StartSending | RecordSent | RecordRefusal
