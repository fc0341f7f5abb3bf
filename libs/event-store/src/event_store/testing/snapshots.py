"""What every adapter of the snapshot port must keep."""
# ruff: noqa: D102 - the names of the tests are sentences

from event_store.records import Cursor
from event_store.snapshots import Snapshot, SnapshotStore
from event_store.testing.samples import stream


class SnapshotStoreConformance:
    """Subclass it, and give the fixture `snapshots`."""

    async def test_a_stream_without_a_snapshot_has_none(self, snapshots: SnapshotStore) -> None:
        assert await snapshots.load(stream("a"), "v1") is None

    async def test_the_newest_snapshot_is_kept(self, snapshots: SnapshotStore) -> None:
        for revision in (3, 9):
            await snapshots.save(
                stream("a"), "v1", Snapshot(revision, Cursor(revision, 2), b"\x00" * revision)
            )
        assert await snapshots.load(stream("a"), "v1") == Snapshot(9, Cursor(9, 2), b"\x00" * 9)
        assert await snapshots.load(stream("b"), "v1") is None

    async def test_a_late_older_snapshot_changes_nothing(self, snapshots: SnapshotStore) -> None:
        newer = Snapshot(9, Cursor(9, 2), b"newer")
        await snapshots.save(stream("a"), "v1", newer)
        await snapshots.save(stream("a"), "v1", Snapshot(8, Cursor(8, 2), b"older"))
        assert await snapshots.load(stream("a"), "v1") == newer

    async def test_a_snapshot_of_another_shape_is_not_given_and_is_replaced(
        self, snapshots: SnapshotStore
    ) -> None:
        await snapshots.save(stream("a"), "v1", Snapshot(9, Cursor(9, 2), b"one"))
        assert await snapshots.load(stream("a"), "v2") is None
        two = Snapshot(5, Cursor(5, 2), b"two")
        await snapshots.save(stream("a"), "v2", two)
        assert await snapshots.load(stream("a"), "v2") == two
        assert await snapshots.load(stream("a"), "v1") is None
