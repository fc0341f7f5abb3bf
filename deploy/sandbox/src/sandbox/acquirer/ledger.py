"""What the acquirer remembers: objects, answers by idempotence key, behaviours."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from sandbox.acquirer import outbox
from sandbox.acquirer.behaviour import Behaviour, Counter, spend
from sandbox.acquirer.objects import Json
from sandbox.acquirer.outbox import Outbox
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
        self.outbox = Outbox(connection, now)

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
        lost = self.spend(shop_id, "lose_notifications")
        return self.outbox.queue(
            shop_id, event, item, behaviour=self.behaviour(shop_id), lost=lost, forged=forged
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


class Ledger:
    """The durable memory of the acquirer."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "acquirer.sqlite", SCHEMA + outbox.SCHEMA)

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


def _seconds(value: datetime | None) -> float | None:
    return value.timestamp() if value else None


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
