"""Every kind of message: over which channels, in which order, and whether the recipient's wish matters (NTF-01)."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["MESSAGE_TYPES", "Channel", "MessageType", "Rule"]


class Channel(StrEnum):
    """A way to a person outside the cabinet; the cabinet's feed shows every message anyway."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class MessageType(StrEnum):
    """What a message tells."""

    CONFIRMATION_CODE = "CONFIRMATION_CODE"
    APPOINTMENT_RESERVED = "APPOINTMENT_RESERVED"
    APPOINTMENT_RESCHEDULED = "APPOINTMENT_RESCHEDULED"
    APPOINTMENT_CANCELLED = "APPOINTMENT_CANCELLED"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    LATE_PAYMENT = "LATE_PAYMENT"
    REMINDER = "REMINDER"
    PAYMENT_SUCCEEDED = "PAYMENT_SUCCEEDED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    REFUND_SUCCEEDED = "REFUND_SUCCEEDED"
    CONCLUSION_READY = "CONCLUSION_READY"


@dataclass(frozen=True, slots=True)
class Rule:
    """`optional` messages go only to people who agreed to letters; the first channel with an address is used.

    `before_the_visit`: sent before it begins or not at all (NTF-11).
    """

    channels: tuple[Channel, ...]
    optional: bool
    before_the_visit: bool = False


_BOTH = (Channel.EMAIL, Channel.SMS)

MESSAGE_TYPES: dict[MessageType, Rule] = {
    MessageType.CONFIRMATION_CODE: Rule(_BOTH, optional=False),
    MessageType.APPOINTMENT_RESERVED: Rule(_BOTH, optional=True),
    MessageType.APPOINTMENT_RESCHEDULED: Rule(_BOTH, optional=False),
    MessageType.APPOINTMENT_CANCELLED: Rule(_BOTH, optional=False),
    MessageType.HOLD_EXPIRED: Rule((Channel.EMAIL,), optional=True),
    MessageType.LATE_PAYMENT: Rule(_BOTH, optional=False),
    MessageType.REMINDER: Rule(_BOTH, optional=True, before_the_visit=True),
    MessageType.PAYMENT_SUCCEEDED: Rule((Channel.EMAIL,), optional=True),
    MessageType.PAYMENT_FAILED: Rule((Channel.EMAIL,), optional=True),
    MessageType.REFUND_SUCCEEDED: Rule(_BOTH, optional=False),
    MessageType.CONCLUSION_READY: Rule(_BOTH, optional=True),
}
