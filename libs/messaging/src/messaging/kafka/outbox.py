"""What goes out: batches of our own making, since each event has headers of its own."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from faststream.kafka import KafkaBroker

from messaging.bus import MessagingUnavailable, TopicLike, partition_of
from messaging.envelope import Envelope, to_headers
from messaging.kafka.clients import BATCH_BYTES, TROUBLE

__all__ = ["Outbox"]

_ACKNOWLEDGE_SECONDS: Final = 15.0
_REMEMBERED_SECONDS: Final = 3600.0
"""How long brokers are sure to remember a producer that writes nothing (`producer.id.expiration.ms`: a day)."""

_Acknowledgement: TypeAlias = "asyncio.Future[object]"


class _Batch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """Takes nothing more from the moment it is numbered on.

    The producer counts its records into the next batch's number a step before it closes it. A record that slipped in
    between would be stored, and the next batch refused as out of order.
    """

    def _set_producer_state(self, *state: int) -> None:
        self.close()
        super()._set_producer_state(*state)


class Outbox:
    """The idempotent producer of one process.

    The last batch of a partition stays open until the producer takes it, so callers that come together share it, and
    a partition's batches leave one after the other. The producer numbers them: when one is refused, the brokers
    refuse what comes behind it, and what stands in a partition is always a prefix. From then on it is `broken`.
    Brokers take any number from a producer that they have not heard of in that partition, so there the first batch has
    to be acknowledged before the next one begins.
    """

    def __init__(self, broker: KafkaBroker) -> None:
        """`broker` is connected, and writes."""
        self.broker = broker
        self.broken = False
        # FastStream's own batch has one set of headers for all of its records, so its producer's producer is used.
        fast: Any = broker.config.producer
        self._producer: AIOKafkaProducer = fast._producer.producer  # noqa: SLF001 - no public way
        self._open: dict[TopicPartition, tuple[BatchBuilder, _Acknowledgement, float]] = {}
        self._known_at: dict[TopicPartition, float] = {}
        self._filling = asyncio.Lock()
        self._overdue: set[_Acknowledgement] = set()

    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        """See the port. What an earlier call gave up waiting for has to be acknowledged before anything new."""
        acknowledgements: set[_Acknowledgement] = set()
        try:
            async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
                async with self._filling:
                    await _all(self._overdue)
                    self._overdue.clear()
                    places = [
                        TopicPartition(topic.name, index) for index in range(topic.partitions)
                    ]
                    for envelope in envelopes:
                        place = places[partition_of(envelope.key, topic.partitions)]
                        acknowledgement = self._add(place, envelope)
                        if acknowledgement is None:
                            acknowledgement = await self._begin(place, envelope)
                        acknowledgements.add(acknowledgement)
                await _all(acknowledgements)
        except TROUBLE as error:
            self.broken |= not isinstance(error, TimeoutError)
            raise MessagingUnavailable(type(error).__name__) from error
        finally:
            self._overdue |= {each for each in acknowledgements if not each.done()}

    def _add(self, place: TopicPartition, envelope: Envelope) -> "_Acknowledgement | None":
        """Into the batch that stands open, if there is one with room."""
        standing = self._open.get(place)
        if standing is None or _append(standing[0], envelope) is None:
            return None
        return standing[1]

    async def _begin(self, place: TopicPartition, envelope: Envelope) -> _Acknowledgement:
        now = asyncio.get_running_loop().time()
        if place in self._open:
            _, before, begun = self._open[place]
            if now - self._known_at.get(place, -_REMEMBERED_SECONDS) >= _REMEMBERED_SECONDS:
                await _all({before})
            if before.done():
                before.result()
                self._known_at[place] = begun
        batch = _Batch(BATCH_BYTES, 0)
        _append(batch, envelope)
        sent: _Acknowledgement = await self._producer.send_batch(
            batch, place.topic, partition=place.partition
        )
        self._open[place] = batch, sent, now
        return sent


def _append(batch: BatchBuilder, envelope: Envelope) -> object | None:
    """None when the batch is full or has left."""
    headers = [(name, value.encode()) for name, value in to_headers(envelope).items()]
    return batch.append(  # type: ignore[no-any-return]
        key=envelope.key.encode(), value=envelope.data, timestamp=None, headers=headers
    )


async def _all(acknowledgements: set[_Acknowledgement]) -> None:
    """Wait for them, which others may be waiting for as well; raises what one of them raises."""
    if acknowledgements:
        await asyncio.wait(acknowledgements)
    for each in acknowledgements:
        each.result()
