"""The bus port. Every adapter passes `messaging.testing`."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from zlib import crc32

from messaging.envelope import Envelope

__all__ = [
    "BEGINNING",
    "AssignedPartition",
    "Bus",
    "Delivery",
    "MessagingUnavailable",
    "PartitionsFixed",
    "Topic",
    "TopicLike",
    "Work",
    "WrongBusAddress",
    "partition_of",
]

BEGINNING: Final = -1
"""Before the first offset of a partition: the beginning of history."""


class MessagingUnavailable(Exception):
    """The bus or the inbox cannot be reached, or answered too late; whether it was done is unknown, so do it again."""


class PartitionsFixed(Exception):
    """A topic in use cannot have another number of partitions: keys would move and lose their order."""


class WrongBusAddress(ValueError):
    """The address names no bus; says why, and never repeats the address, which may hold a password."""


class TopicLike(Protocol):
    """What the bus wants to know of a topic."""

    @property
    def name(self) -> str:
        """Its name, `<service>.events`. A topic has one source."""
        ...

    @property
    def partitions(self) -> int:
        """How many partitions its keys are spread over; fixed once in use."""
        ...


@dataclass(frozen=True, slots=True)
class Topic:
    """The plainest topic."""

    name: str
    partitions: int = 4


class Delivery(NamedTuple):
    """An event as it stands in a partition. Offsets grow; they need not be without gaps."""

    offset: int
    envelope: Envelope


class AssignedPartition(Protocol):
    """A partition that this member of a group works on until its work is cancelled."""

    @property
    def topic(self) -> str:
        """The name of the topic."""
        ...

    @property
    def index(self) -> int:
        """Which partition, from 0."""
        ...

    def batches(
        self, *, after: int = BEGINNING, limit: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """Non-empty batches in order from behind offset `after`, then live for ever; never skips, never repeats.

        The reader keeps its own place: the bus starts where it is told to. Raises MessagingUnavailable.
        """
        ...

    def acknowledge(self, offset: int) -> None:
        """Let the bus know how far the work is, for its own lag tools only. Never fails, may be late or lost."""
        ...


Work: TypeAlias = Callable[[AssignedPartition], Coroutine[Any, Any, None]]
"""What a member of a group does with a partition, until cancelled."""


class Bus(Protocol):
    """Topics of events in partitions: durable, ordered per key, read from any place by any number of groups."""

    @property
    def system(self) -> str:
        """What carries them, in the words of OpenTelemetry's `messaging.system`."""
        ...

    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        """Append in the given order, and return when every envelope is durable.

        On MessagingUnavailable none, some or all of them may be there; publish the same sequence again. What is
        there is a prefix of the sequence in every partition. Raises PartitionsFixed.
        """
        ...

    async def consume(self, topic: TopicLike, group: str, work: Work) -> None:
        """Join `group` and run `work` as a task for every partition that falls to this member, until cancelled.

        A partition that goes to another member has its work cancelled and awaited before it is given up; a member
        that lost touch may overlap with its successor, which is why the inbox fences. Work that raises ends this
        call with an ExceptionGroup.
        """
        ...

    async def ends(self, topic: TopicLike) -> Sequence[int]:
        """The last offset of every partition, BEGINNING where it is empty. Raises MessagingUnavailable."""
        ...


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: CRC-32 (IEEE 802.3) of its UTF-8 bytes, modulo. For ever, in every adapter."""
    return crc32(key.encode()) % partitions
