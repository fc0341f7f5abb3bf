"""Events between services: envelope, bus, relay, inbox, quarantine, and the processes that react to them."""

from messaging.bus import (
    BEGINNING,
    AssignedPartition,
    Bus,
    Delivery,
    MessagingUnavailable,
    PartitionsFixed,
    Topic,
    TopicLike,
    WrongBusAddress,
    partition_of,
)
from messaging.cause import Cause, Clock
from messaging.consumer import batch_consumer, bus_consumer, own_consumer
from messaging.envelope import Envelope, MalformedEnvelope, from_headers, of_recorded, to_headers
from messaging.inbox import (
    Claim,
    Fenced,
    Flow,
    FlowPosition,
    Inbox,
    OpenInstance,
    OpenInstances,
    ParkedKey,
    Progress,
)
from messaging.opening import OpenedBus, OpenPool, open_bus
from messaging.process import Dispatch, Process, Reaction, send
from messaging.pump import Runnable, Terms
from messaging.relay import Publish, Relay
from messaging.watch import LoggingWatch, Watch

__all__ = [
    "BEGINNING",
    "AssignedPartition",
    "Bus",
    "Cause",
    "Claim",
    "Clock",
    "Delivery",
    "Dispatch",
    "Envelope",
    "Fenced",
    "Flow",
    "FlowPosition",
    "Inbox",
    "LoggingWatch",
    "MalformedEnvelope",
    "MessagingUnavailable",
    "OpenInstance",
    "OpenInstances",
    "OpenPool",
    "OpenedBus",
    "ParkedKey",
    "PartitionsFixed",
    "Process",
    "Progress",
    "Publish",
    "Reaction",
    "Relay",
    "Runnable",
    "Terms",
    "Topic",
    "TopicLike",
    "Watch",
    "WrongBusAddress",
    "batch_consumer",
    "bus_consumer",
    "from_headers",
    "of_recorded",
    "open_bus",
    "own_consumer",
    "partition_of",
    "send",
    "to_headers",
]
