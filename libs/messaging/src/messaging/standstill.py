"""Who has events to come and does not move: nothing raises there, so somebody has to look."""

from collections.abc import Sequence
from datetime import timedelta

__all__ = ["StandsStill", "Standstill"]


class StandsStill(Exception):
    """Events are to come, and the position has not moved for a while."""


class Standstill:
    """Compares where the partitions of a topic are with where they were."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience.total_seconds()
        self._seen: dict[int, tuple[int, float]] = {}

    def look(self, behind: Sequence[int], offsets: Sequence[int], now: float) -> list[int]:
        """The partitions that have not moved for as long as our patience lasts, each once in that time.

        `behind` and `offsets`: how many events are to come in each partition and where it is; `now` in seconds.
        """
        still = []
        for partition, (count, offset) in enumerate(zip(behind, offsets, strict=True)):
            before, since = self._seen.get(partition, (offset, now))
            if count <= 0 or offset != before:
                since = now
            elif now - since >= self._patience:
                still.append(partition)
                since = now
            self._seen[partition] = offset, since
        return still
