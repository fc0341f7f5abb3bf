"""What a handler knows about the event that made it run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid5

from event_store import CommandContext, Metadata
from messaging.envelope import Envelope

__all__ = ["Cause", "Clock"]


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Cause:
    """The event in its envelope, when it is handled, and by which consumer: `<service>` or `<service>.<process>`."""

    envelope: Envelope
    now: datetime
    consumer: str

    @property
    def service(self) -> str:
        """Which service handles it."""
        return self.consumer.partition(".")[0]

    @property
    def tenant(self) -> str:
        """Whose event it is."""
        return self.envelope.metadata.tenant

    def command(self, reaction: str) -> CommandContext:
        """The context of a command that follows from this event.

        Its id is derived from the event's id, the consumer and `reaction`, so handling the event again repeats the
        same command; a handler that sends several commands names each by another word.
        """
        command_id = uuid5(self.envelope.id, f"{self.consumer}:{reaction}")
        return CommandContext(command_id=command_id, metadata=self.metadata(), may_repeat=True)

    def metadata(self) -> Metadata:
        """Metadata of what follows: by this service, now, in the same story and trace, because of this event."""
        cause = self.envelope.metadata
        return Metadata(
            tenant=cause.tenant,
            actor=f"service:{self.service}",
            role="service",
            time=self.now,
            correlation=cause.correlation,
            causation=self.envelope.id,
            subject=cause.subject,
            traceparent=cause.traceparent,
        )
