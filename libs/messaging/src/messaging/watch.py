"""What operators want to know of relays and consumers, as plain hooks. No bodies, no personal data."""

import logging
from collections.abc import Iterable
from typing import Final, Protocol

from messaging.envelope import Envelope
from messaging.inbox import Flow

__all__ = ["LoggingWatch", "Watch"]

_LOG: Final = logging.getLogger("messaging")


class Watch(Protocol):
    """Hooks for metrics and logs; they must not raise."""

    def handled(self, flow: Flow, count: int) -> None:
        """A batch was handled or published."""
        ...

    def lag(self, flow: Flow, behind: int) -> None:
        """How many events of a topic's partition are still to come, every few seconds."""
        ...

    def relayed(self, types: Iterable[str]) -> None:
        """The service's stored events, public or not, went by its relay: about once each, whoever relays."""
        ...

    def rejected(self, consumer: str, envelope: Envelope, code: str) -> None:
        """The rules answered no to what an event asked for."""
        ...

    def failed(self, consumer: str, envelope: Envelope, error: BaseException, attempt: int) -> None:
        """A handler failed; attempt 0 was only postponed."""
        ...

    def parked(self, consumer: str, key: str, *, quarantined: bool) -> None:
        """A key stepped aside; when quarantined, it waits for a person."""
        ...

    def stalled(self, flow: Flow, error: BaseException) -> None:
        """A relay, or a consumer with a partition, cannot go on for now, or does not; it will try again."""
        ...


class LoggingWatch:
    """Writes the exceptional to the standard log. Texts of exceptions stay out: they may quote bodies."""

    def handled(self, flow: Flow, count: int) -> None:
        """Not logged: too many."""

    def lag(self, flow: Flow, behind: int) -> None:
        """Not logged: too many."""

    def relayed(self, types: Iterable[str]) -> None:
        """Not logged: too many."""

    def rejected(self, consumer: str, envelope: Envelope, code: str) -> None:
        """See Watch."""
        _LOG.info("event.rejected", extra=_facts(consumer, envelope) | {"code": code})

    def failed(self, consumer: str, envelope: Envelope, error: BaseException, attempt: int) -> None:
        """See Watch."""
        facts = {"error": type(error).__name__, "attempt": attempt}
        _LOG.warning("event.failed", extra=_facts(consumer, envelope) | facts)

    def parked(self, consumer: str, key: str, *, quarantined: bool) -> None:
        """See Watch."""
        facts = {"consumer": consumer, "key": key}
        if quarantined:
            _LOG.error("key.quarantined", extra=facts)
        else:
            _LOG.warning("key.stepped_aside", extra=facts)

    def stalled(self, flow: Flow, error: BaseException) -> None:
        """See Watch."""
        _LOG.error("messaging.stalled", extra={"flow": flow.name, "error": type(error).__name__})


def _facts(consumer: str, envelope: Envelope) -> dict[str, object]:
    return {
        "consumer": consumer,
        "event_id": str(envelope.id),
        "event_type": envelope.type,
        "key": envelope.key,
        "tenant": envelope.tenant,
        "correlation_id": str(envelope.metadata.correlation),
    }
