"""What became of a message, never its text or address."""

from typing import Any

from contracts import notifications as public
from contracts.fact import PublicEvent
from messaging import Envelope
from notifications.domain.message import events as own

__all__ = ["publish"]


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    match event:
        case own.MessageSent():
            return public.MessageSent(**_fact(event))
        case own.MessageFailed():
            return public.MessageFailed(**_fact(event), reason=event.reason)
        case _:
            return None


def _fact(event: own.MessageSent | own.MessageFailed) -> dict[str, Any]:
    return {
        "message_id": event.details.message_id,
        "message_type": event.details.message_type.value,
        "channel": event.channel.value,
        "recipient_id": event.details.recipient_id,
        "appointment_id": event.details.appointment_id,
    }
