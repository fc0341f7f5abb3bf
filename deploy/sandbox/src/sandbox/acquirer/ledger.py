"""What the acquirer remembers: objects, answers by idempotence key, behaviours, notifications."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from sandbox.acquirer.behaviour import Behaviour, Counter, dispatches, spend
from sandbox.acquirer.objects import Json
from sandbox.acquirer.payments import Payment, Refund
from sandbox.acquirer.receipts import Receipt
from sandbox.storage import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    shop_id TEXT NOT NULL, parent_id TEXT, status TEXT NOT NULL, created_at REAL NOT NULL,
    due_at REAL, document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_due ON objects (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent_id, kind);
CREATE TABLE IF NOT EXISTS answers (
    shop_id TEXT, key TEXT, fingerprint TEXT NOT NULL, body BLOB NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (shop_id, key)
);
CREATE TABLE IF NOT EXISTS behaviours (shop_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notifications (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, shop_id TEXT NOT NULL, event TEXT NOT NULL,
    object_id TEXT NOT NULL, forged INTEGER NOT NULL, body BLOB NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, due_at REAL NOT NULL, rank INTEGER NOT NULL, windowed INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, last_answer TEXT
);
CREATE INDEX IF NOT EXISTS notifications_waiting ON notifications (due_at) WHERE status = 'waiting';
"""

Kind = Literal["payment", "refund", "receipt"]
Stored = Payment | Refund | Receipt
_payments = TypeAdapter(Payment)
_refunds = TypeAdapter(Refund)
_receipts = TypeAdapter(Receipt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    fingerprint: str
    body: bytes
    created_at: datetime


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A page of a list, newest first."""

    kind: Kind
    shop_id: str | None = None
    parent_id: str | None = None
    status: str | None = None
    created_from: datetime | None = None
    created_after: datetime | None = None
    created_to: datetime | None = None
    created_before: datetime | None = None
    before_position: int | None = None
    limit: int = 50


class Book:
    """The ledger within one transaction."""

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._sql = connection
        self.now = now

    def payment(self, payment_id: str, *, shop_id: str | None = None) -> Payment | None:
        found = self._document("payment", payment_id, shop_id)
        return None if found is None else _payments.validate_json(found)

    def refund(self, refund_id: str, *, shop_id: str | None = None) -> Refund | None:
        found = self._document("refund", refund_id, shop_id)
        return None if found is None else _refunds.validate_json(found)

    def receipt(self, receipt_id: str, *, shop_id: str | None = None) -> Receipt | None:
        found = self._document("receipt", receipt_id, shop_id)
        return None if found is None else _receipts.validate_json(found)

    def put(self, item: Stored) -> None:
        match item:
            case Payment():
                self._put("payment", None, item, _payments.dump_json(item))
            case Refund():
                self._put("refund", item.payment_id, item, _refunds.dump_json(item))
            case Receipt():
                self._put("receipt", item.parent_id, item, _receipts.dump_json(item))

    def due(self) -> Sequence[Stored]:
        """Objects whose wait is over, in the order in which it ended."""
        rows = self._sql.execute(
            "SELECT kind, document FROM objects WHERE due_at <= ? ORDER BY due_at, position",
            (self.now.timestamp(),),
        )
        return [_decode(row) for row in rows]

    def find(self, wanted: Wanted) -> tuple[Sequence[Stored], int | None]:
        """A page, and the position to go on before when there is more."""
        rows = self._sql.execute(
            "SELECT position, kind, document FROM objects WHERE kind = :kind"
            " AND (:shop IS NULL OR shop_id = :shop) AND (:parent IS NULL OR parent_id = :parent)"
            " AND (:status IS NULL OR status = :status)"
            " AND (:from IS NULL OR created_at >= :from) AND (:after IS NULL OR created_at > :after)"
            " AND (:to IS NULL OR created_at <= :to) AND (:before IS NULL OR created_at < :before)"
            " AND (:position IS NULL OR position < :position)"
            " ORDER BY position DESC LIMIT :limit",
            {
                "kind": wanted.kind,
                "shop": wanted.shop_id,
                "parent": wanted.parent_id,
                "status": wanted.status,
                "from": _seconds(wanted.created_from),
                "after": _seconds(wanted.created_after),
                "to": _seconds(wanted.created_to),
                "before": _seconds(wanted.created_before),
                "position": wanted.before_position,
                "limit": wanted.limit + 1,
            },
        ).fetchall()
        page = rows[: wanted.limit]
        following: int | None = page[-1]["position"] if len(rows) > wanted.limit else None
        return [_decode(row) for row in page], following

    def awaiting_kopecks(self, payment_id: str) -> int:
        """The sum of the refunds of a payment that are not settled yet."""
        pending, _ = self.find(
            Wanted(kind="refund", parent_id=payment_id, status="pending", limit=10_000)
        )
        return sum(refund.amount_kopecks for refund in pending if isinstance(refund, Refund))

    def answer(self, shop_id: str, key: str) -> Answer | None:
        row = self._sql.execute(
            "SELECT * FROM answers WHERE shop_id = ? AND key = ?", (shop_id, key)
        ).fetchone()
        return row and Answer(
            fingerprint=row["fingerprint"], body=row["body"], created_at=_instant(row["created_at"])
        )

    def remember(self, shop_id: str, key: str, fingerprint: str, body: bytes) -> None:
        self._sql.execute(
            "REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
            (shop_id, key, fingerprint, body, self.now.timestamp()),
        )

    def behaviour(self, shop_id: str) -> Behaviour:
        row = self._sql.execute(
            "SELECT document FROM behaviours WHERE shop_id = ?", (shop_id,)
        ).fetchone()
        return Behaviour.model_validate_json(row["document"]) if row else Behaviour()

    def behave(self, shop_id: str, behaviour: Behaviour) -> None:
        self._sql.execute(
            "REPLACE INTO behaviours VALUES (?, ?)", (shop_id, behaviour.model_dump_json())
        )

    def spend(self, shop_id: str, counter: Counter) -> bool:
        """Whether the counted misbehaviour of a shop happens now."""
        happens, left = spend(self.behaviour(shop_id), counter)
        if happens:
            self.behave(shop_id, left)
        return happens

    def notify(
        self, shop_id: str, event: str, item: Json, *, forged: bool = False
    ) -> Sequence[int]:
        """Queue a notification as the behaviour of the shop will have it; its sequences."""
        status = "lost" if self.spend(shop_id, "lose_notifications") else "waiting"
        behaviour = self.behaviour(shop_id)
        body = json.dumps({"type": "notification", "event": event, "object": item})
        planned = dispatches(
            behaviour,
            sequence=self._next_sequence(),
            window_ends=self._window_ends(shop_id),
            now=self.now,
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
                    status,
                    self.now.timestamp(),
                    dispatch.due_at.timestamp(),
                    dispatch.rank,
                    behaviour.reorder_window_seconds > 0,
                ),
            ).fetchone()["sequence"]
            for dispatch in planned
        ]

    def due_notifications(self, limit: int) -> Sequence[Notification]:
        rows = self._sql.execute(
            "SELECT * FROM notifications WHERE status = 'waiting' AND due_at <= ?"
            " ORDER BY due_at, rank, sequence LIMIT ?",
            (self.now.timestamp(), limit),
        )
        return [_notification(row) for row in rows]

    def notifications(self, shop_id: str | None, object_id: str | None) -> Sequence[Notification]:
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

    def _document(self, kind: Kind, item_id: str, shop_id: str | None) -> bytes | None:
        row = self._sql.execute(
            "SELECT document FROM objects WHERE id = :id AND kind = :kind"
            " AND (:shop IS NULL OR shop_id = :shop)",
            {"id": item_id, "kind": kind, "shop": shop_id},
        ).fetchone()
        return row and bytes(row["document"])

    def _put(self, kind: Kind, parent_id: str | None, item: Stored, document: bytes) -> None:
        self._sql.execute(
            "INSERT INTO objects (id, kind, shop_id, parent_id, status, created_at, due_at,"
            " document) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " status = excluded.status, due_at = excluded.due_at, document = excluded.document",
            (
                item.id,
                kind,
                item.shop_id,
                parent_id,
                item.status,
                item.created_at.timestamp(),
                _seconds(item.due_at),
                document,
            ),
        )

    def _next_sequence(self) -> int:
        row = self._sql.execute("SELECT coalesce(max(sequence), 0) + 1 AS next FROM notifications")
        return int(row.fetchone()["next"])

    def _window_ends(self, shop_id: str) -> datetime | None:
        row = self._sql.execute(
            "SELECT max(due_at) AS ends FROM notifications WHERE shop_id = ? AND windowed"
            " AND status = 'waiting' AND attempts = 0 AND due_at > ?",
            (shop_id, self.now.timestamp()),
        ).fetchone()
        return _instant(row["ends"]) if row["ends"] is not None else None


class Ledger:
    """The durable memory of the acquirer."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "acquirer.sqlite", SCHEMA)

    @contextmanager
    def transaction(self, now: datetime) -> Iterator[Book]:
        with self._database.transaction() as connection:
            yield Book(connection, now)

    def close(self) -> None:
        self._database.close()


def _decode(row: sqlite3.Row) -> Stored:
    match row["kind"]:
        case "payment":
            return _payments.validate_json(row["document"])
        case "refund":
            return _refunds.validate_json(row["document"])
        case _:
            return _receipts.validate_json(row["document"])


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


def _seconds(value: datetime | None) -> float | None:
    return value.timestamp() if value else None


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
