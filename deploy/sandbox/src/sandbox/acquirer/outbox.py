"""Notifications on their way to the shops."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sandbox.acquirer.behaviour import Behaviour, dispatches
from sandbox.acquirer.objects import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS notifications (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, shop_id TEXT NOT NULL, event TEXT NOT NULL,
    object_id TEXT NOT NULL, forged INTEGER NOT NULL, body BLOB NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, due_at REAL NOT NULL, rank INTEGER NOT NULL, windowed INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, last_answer TEXT
);
CREATE INDEX IF NOT EXISTS notifications_waiting ON notifications (due_at) WHERE status = 'waiting';
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One sending of a notification; copies are notifications of their own."""

    sequence: int
    shop_id: str
    event: str
    object_id: str
    forged: bool
    body: bytes
    status: Literal["waiting", "delivered", "lost", "given_up"]
    created_at: datetime
    due_at: datetime
    attempts: int
    last_answer: str | None


class Outbox:
    """The notifications within one transaction."""

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._sql = connection
        self._now = now

    def queue(
        self,
        shop_id: str,
        event: str,
        item: Json,
        *,
        behaviour: Behaviour,
        lost: bool,
        forged: bool,
    ) -> Sequence[int]:
        """One row for each sending that the behaviour asks for; their sequences."""
        body = json.dumps({"type": "notification", "event": event, "object": item})
        planned = dispatches(
            behaviour,
            sequence=self._next_sequence(),
            window_ends=self._window_ends(shop_id),
            now=self._now,
        )
        return [
            self._sql.execute(
                "INSERT INTO notifications (shop_id, event, object_id, forged, body, status,"
                " created_at, due_at, rank, windowed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " RETURNING sequence",
                (
                    shop_id,
                    event,
                    item["id"],
                    forged,
                    body.encode(),
                    "lost" if lost else "waiting",
                    self._now.timestamp(),
                    dispatch.due_at.timestamp(),
                    dispatch.rank,
                    behaviour.reorder_window_seconds > 0,
                ),
            ).fetchone()["sequence"]
            for dispatch in planned
        ]

    def due(self, limit: int) -> Sequence[Notification]:
        rows = self._sql.execute(
            "SELECT * FROM notifications WHERE status = 'waiting' AND due_at <= ?"
            " ORDER BY due_at, rank, sequence LIMIT ?",
            (self._now.timestamp(), limit),
        )
        return [_notification(row) for row in rows]

    def newest(self, shop_id: str | None, object_id: str | None) -> Sequence[Notification]:
        """The newest first."""
        rows = self._sql.execute(
            "SELECT * FROM notifications WHERE (:shop IS NULL OR shop_id = :shop)"
            " AND (:object IS NULL OR object_id = :object) ORDER BY sequence DESC LIMIT 200",
            {"shop": shop_id, "object": object_id},
        )
        return [_notification(row) for row in rows]

    def record_attempt(self, sequence: int, status: str, answer: str, *, due_at: datetime) -> None:
        self._sql.execute(
            "UPDATE notifications SET status = ?, last_answer = ?, due_at = ?,"
            " attempts = attempts + 1 WHERE sequence = ?",
            (status, answer, due_at.timestamp(), sequence),
        )

    def _next_sequence(self) -> int:
        row = self._sql.execute("SELECT coalesce(max(sequence), 0) + 1 AS next FROM notifications")
        return int(row.fetchone()["next"])

    def _window_ends(self, shop_id: str) -> datetime | None:
        row = self._sql.execute(
            "SELECT max(due_at) AS ends FROM notifications WHERE shop_id = ? AND windowed"
            " AND status = 'waiting' AND attempts = 0 AND due_at > ?",
            (shop_id, self._now.timestamp()),
        ).fetchone()
        return _instant(row["ends"]) if row["ends"] is not None else None


def _notification(row: sqlite3.Row) -> Notification:
    return Notification(
        sequence=row["sequence"],
        shop_id=row["shop_id"],
        event=row["event"],
        object_id=row["object_id"],
        forged=bool(row["forged"]),
        body=row["body"],
        status=row["status"],
        created_at=_instant(row["created_at"]),
        due_at=_instant(row["due_at"]),
        attempts=row["attempts"],
        last_answer=row["last_answer"],
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
