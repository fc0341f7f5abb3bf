"""Which ids a stream has: remembered from what was read and appended, for the streams that were used last."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from event_store.records import NO_STREAM, StreamName

_MOST: Final = 100_000


class StreamIds:
    """The ids of streams, each from its beginning up to some revision without a gap."""

    def __init__(self, most: int = _MOST) -> None:
        """`most` ids and streams are remembered, about 150 bytes each; the rest is read again when needed."""
        self._most, self._count = most, 0
        self._streams: OrderedDict[StreamName, dict[UUID, int]] = OrderedDict()
        self._upto: dict[StreamName, int] = {}

    def known(self, stream: StreamName) -> int | None:
        """Up to which revision the ids are known, NO_STREAM for a stream that was not there, None when nothing is."""
        return self._upto.get(stream)

    def covers(self, stream: StreamName, revision: int) -> bool:
        """Whether all ids up to and including `revision` are known."""
        upto = self._upto.get(stream)
        return upto is not None and upto >= revision

    def clash(self, stream: StreamName, ids: Sequence[UUID], expected: int) -> bool:
        """Whether one of `ids` stands twice, or already at or before revision `expected`."""
        there = self._streams.get(stream, {})
        return len(set(ids)) < len(ids) or any(
            there.get(each, expected + 1) <= expected for each in ids
        )

    def learn(
        self, stream: StreamName, after: int, ids: Iterable[tuple[int, UUID]], *, upto: int
    ) -> None:
        """The ids behind revision `after`, with their revisions, up to and including `upto`.

        What would leave a gap is not kept.
        """
        known = self._upto.get(stream)
        if after > (NO_STREAM if known is None else known):
            return
        there = self._streams.setdefault(stream, {})
        before = 0 if known is None else len(there) + 1
        there.update((each, revision) for revision, each in ids)
        self._upto[stream] = max(NO_STREAM if known is None else known, upto)
        self._count += len(there) + 1 - before
        self._streams.move_to_end(stream)
        while self._count > self._most and len(self._streams) > 1:
            oldest, dropped = self._streams.popitem(last=False)
            del self._upto[oldest]
            self._count -= len(dropped) + 1
