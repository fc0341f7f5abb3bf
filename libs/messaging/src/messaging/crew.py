"""The tasks of the partitions that one member of a group works on; shared by the buses."""

import asyncio
from collections.abc import Collection

from messaging.bus import AssignedPartition, Work

__all__ = ["Crew"]


class Crew:
    """One task per held partition, inside the member's task group."""

    def __init__(self, tasks: asyncio.TaskGroup, work: Work) -> None:
        self._tasks, self._work = tasks, work
        self._working: dict[int, asyncio.Task[None]] = {}

    @property
    def holding(self) -> Collection[int]:
        """The partitions that are worked on."""
        return self._working.keys()

    def start(self, partition: AssignedPartition) -> None:
        """Begin to work on a partition."""
        self._working[partition.index] = self._tasks.create_task(self._work(partition))

    async def stop(self, indexes: Collection[int]) -> None:
        """Cancel the work on these partitions and wait until it has ended."""
        tasks = [self._working[index] for index in indexes]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for index in indexes:
            del self._working[index]
