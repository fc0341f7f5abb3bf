"""The spans of the bus, in the trace of each event, by OpenTelemetry's conventions for messaging.

A batch has no span of its own: each event of a sampled trace has one, with the size of the batch. The key of a message
is left out, since it names a thing of a tenant; so is the offset, since what comes from the parking lot has none. The
id of the message finds it in the store, the topic and the parking lot.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec
from opentelemetry.trace import SpanKind

from event_store.tracing import Attributes, continued, each_continued
from messaging.bus import TopicLike, partition_of
from messaging.envelope import Envelope

__all__ = ["processing", "processing_batch", "reacting", "sending"]


@contextmanager
def sending(
    system: str, topic: TopicLike, envelopes: Sequence[Envelope]
) -> Iterator[Sequence[Envelope]]:
    """Around a publication; answers the envelopes as they are to be sent, each naming its span to consumers."""
    with each_continued(
        [envelope.metadata for envelope in envelopes],
        f"send {topic.name}",
        lambda place: {
            **_message(system, topic, envelopes[place], "send"),
            "messaging.batch.message_count": len(envelopes),
        },
        SpanKind.PRODUCER,
    ) as parents:
        yield (
            [
                _under(parents[place], envelope) if place in parents else envelope
                for place, envelope in enumerate(envelopes)
            ]
            if parents
            else envelopes
        )


def processing(
    system: str, topic: TopicLike, group: str, envelope: Envelope
) -> AbstractContextManager[None]:
    """Around the handling of one event of the bus."""
    return continued(
        envelope.metadata,
        f"process {topic.name}",
        lambda: {
            **_message(system, topic, envelope, "process"),
            "messaging.consumer.group.name": group,
        },
        SpanKind.CONSUMER,
    )


def processing_batch(
    system: str, topic: TopicLike, group: str, envelopes: Sequence[Envelope]
) -> AbstractContextManager[object]:
    """Around the handling of several events of the bus in one transaction."""
    return each_continued(
        [envelope.metadata for envelope in envelopes],
        f"process {topic.name}",
        lambda place: {
            **_message(system, topic, envelopes[place], "process"),
            "messaging.batch.message_count": len(envelopes),
            "messaging.consumer.group.name": group,
        },
        SpanKind.CONSUMER,
    )


def reacting(consumer: str, envelope: Envelope) -> AbstractContextManager[None]:
    """Around what a process does about an event of its own service."""
    return continued(
        envelope.metadata, f"react {consumer}", lambda: {"kabinet.event.type": envelope.type}
    )


def _message(system: str, topic: TopicLike, envelope: Envelope, operation: str) -> Attributes:
    return {
        "messaging.system": system,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic.name,
        "messaging.destination.partition.id": str(partition_of(envelope.key, topic.partitions)),
        "messaging.message.id": str(envelope.id),
        "kabinet.event.type": envelope.type,
    }


def _under(traceparent: str, envelope: Envelope) -> Envelope:
    metadata = msgspec.structs.replace(envelope.metadata, traceparent=traceparent)
    return msgspec.structs.replace(envelope, metadata=metadata)
