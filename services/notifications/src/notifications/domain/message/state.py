"""What a message remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass, replace
from typing import assert_never

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
from notifications.domain.message_types import MESSAGE_TYPES, Channel

__all__ = ["Finished", "Message", "Queued", "Unknown", "evolve"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """On its way; `started` when the next channel has been asked and its answer is not recorded."""

    details: MessageDetails
    refused: frozenset[Channel] = frozenset()
    started: bool = False

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those with an address that have not refused, in the order of the type."""
        return tuple(
            channel
            for channel in MESSAGE_TYPES[self.details.message_type].channels
            if channel in self.details.addresses and channel not in self.refused
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """Sent, failed or suppressed."""


Message = Unknown | Queued | Finished


def evolve(state: Message, event: MessageEvent) -> Message:
    match event:
        case MessageQueued():
            return Queued(details=event.details)
        case SendingStarted():
            return replace(state, started=True) if isinstance(state, Queued) else state
        case ChannelFailed():
            if not isinstance(state, Queued):
                return state
            return replace(state, started=False, refused=state.refused | {event.channel})
        case MessageSent() | MessageFailed() | MessageSuppressed():
            return Finished()
        case _:
            assert_never(event)
