"""Every topic, declared once: the events of one service, keyed by stream so that a stream stays in order."""

from dataclasses import dataclass
from datetime import timedelta

from contracts import billing, booking, conclusions, consultation_room, identity, notifications
from contracts.fact import PublicEvent

__all__ = [
    "BILLING_EVENTS",
    "BOOKING_EVENTS",
    "CONCLUSIONS_EVENTS",
    "IDENTITY_EVENTS",
    "NOTIFICATIONS_EVENTS",
    "ROOM_EVENTS",
    "TOPICS",
    "Topic",
    "topic_of",
]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the bus.

    `partitions` is fixed once in use, since keys would move and lose their order. `retention` None keeps events for
    ever: a new consumer starts at the beginning of history. Nothing is ever compacted, for every event counts.
    """

    name: str
    producer: str
    facts: tuple[type[PublicEvent], ...]
    partitions: int = 12
    retention: timedelta | None = None


IDENTITY_EVENTS = Topic("identity.events", "identity", identity.FACTS)
BOOKING_EVENTS = Topic("booking.events", "booking", booking.FACTS)
BILLING_EVENTS = Topic("billing.events", "billing", billing.FACTS)
ROOM_EVENTS = Topic("room.events", "consultation_room", consultation_room.FACTS)
CONCLUSIONS_EVENTS = Topic("conclusions.events", "conclusions", conclusions.FACTS)
NOTIFICATIONS_EVENTS = Topic("notifications.events", "notifications", notifications.FACTS)

TOPICS = (
    IDENTITY_EVENTS,
    BOOKING_EVENTS,
    BILLING_EVENTS,
    ROOM_EVENTS,
    CONCLUSIONS_EVENTS,
    NOTIFICATIONS_EVENTS,
)


def topic_of(fact: PublicEvent) -> Topic:
    """Where a fact is told; raises KeyError when it is nobody's."""
    for topic in TOPICS:
        if type(fact) in topic.facts:
            return topic
    raise KeyError(fact.type_name())
