"""What notifications tells: what was sent, never its text or address."""

from typing import Literal
from uuid import UUID

from contracts.fact import PublicEvent

__all__ = ["FACTS", "MessageFailed", "MessageSent"]


class MessageFact(PublicEvent):
    """One message to one person over one channel."""

    message_id: UUID
    message_type: str
    channel: Literal["EMAIL", "SMS"]
    recipient_id: UUID
    appointment_id: UUID | None = None


class MessageSent(MessageFact):
    """The provider took it."""


class MessageFailed(MessageFact):
    """No channel took it; a person must act."""

    reason: str


FACTS = (MessageSent, MessageFailed)
