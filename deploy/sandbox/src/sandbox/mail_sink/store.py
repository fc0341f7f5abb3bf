"""All letters and SMS that were accepted, and how the sink is to behave."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sandbox.mail_sink.behaviour import Behaviour, Counter, spend
from sandbox.storage import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, received_at REAL NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL, identity TEXT,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_identity ON messages (identity);
CREATE TABLE IF NOT EXISTS behaviour (document TEXT NOT NULL);
"""

Kind = Literal["email", "sms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`identity` tells deliveries of the same message apart from different messages:
    the Message-ID of a letter, the number and text of an SMS (its protocol has no better)."""

    id: int
    kind: Kind
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    identity: str | None
    content: bytes
    deliveries: int

    @property
    def duplicates(self) -> int:
        """How many times the same message arrived besides this one."""
        return self.deliveries - 1


class Store:
    """The durable memory of the sink; safe to call from any thread."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "mail.sqlite", SCHEMA)

    def add(
        self,
        *,
        kind: Kind,
        sender: str,
        recipients: Sequence[str],
        subject: str,
        identity: str | None,
        content: bytes,
        now: datetime,
    ) -> int:
        with self._database.transaction() as sql:
            row = sql.execute(
                "INSERT INTO messages (kind, received_at, sender, recipients, subject, identity,"
                " content) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (kind, now.timestamp(), sender, json.dumps(recipients), subject, identity, content),
            ).fetchone()
            return int(row["id"])

    def find(
        self,
        *,
        to: str | None = None,
        kind: Kind | None = None,
        identity: str | None = None,
        after: int = 0,
        limit: int = 50,
        newest_first: bool = False,
    ) -> Sequence[Message]:
        direction = "DESC" if newest_first else "ASC"
        with self._database.transaction() as sql:
            rows = sql.execute(
                f"SELECT *, {_DELIVERIES} FROM messages WHERE {_MATCHES} AND id > :after"  # noqa: S608 - constants only
                " AND (:identity IS NULL OR identity = :identity)"
                f" ORDER BY id {direction} LIMIT :limit",
                {
                    "to": _plain(to),
                    "kind": kind,
                    "identity": identity,
                    "after": after,
                    "limit": limit,
                },
            ).fetchall()
        return [_message(row) for row in rows]

    def get(self, message_id: int) -> Message | None:
        with self._database.transaction() as sql:
            row = sql.execute(
                f"SELECT *, {_DELIVERIES} FROM messages WHERE id = ?",  # noqa: S608 - constants only
                (message_id,),
            ).fetchone()
        return row and _message(row)

    def delete(self, *, to: str | None = None, kind: Kind | None = None) -> int:
        """How many messages are gone."""
        with self._database.transaction() as sql:
            return sql.execute(
                f"DELETE FROM messages WHERE {_MATCHES}",  # noqa: S608 - constants only
                {"to": _plain(to), "kind": kind},
            ).rowcount

    def delete_one(self, message_id: int) -> bool:
        with self._database.transaction() as sql:
            return sql.execute("DELETE FROM messages WHERE id = ?", (message_id,)).rowcount == 1

    def behaviour(self) -> Behaviour:
        with self._database.transaction() as sql:
            return _behaviour(sql)

    def behave(self, behaviour: Behaviour) -> None:
        with self._database.transaction() as sql:
            _behave(sql, behaviour)

    def spend(self, counter: Counter) -> bool:
        """Whether the counted misbehaviour happens now."""
        with self._database.transaction() as sql:
            happens, left = spend(_behaviour(sql), counter)
            if happens:
                _behave(sql, left)
        return happens

    def close(self) -> None:
        self._database.close()


_DELIVERIES = """
    CASE WHEN identity IS NULL THEN 1 ELSE (
        SELECT count(*) FROM messages AS same
        WHERE same.identity = messages.identity AND same.kind = messages.kind
    ) END AS deliveries
"""
_MATCHES = """
    (:kind IS NULL OR kind = :kind) AND (:to IS NULL OR EXISTS (
        SELECT 1 FROM json_each(recipients) WHERE lower(value) = :to
    ))
"""


def _plain(to: str | None) -> str | None:
    """Addresses compare without case, phone numbers without the leading plus."""
    return to.strip().lower().removeprefix("+") if to else None


def _behaviour(sql: sqlite3.Connection) -> Behaviour:
    row = sql.execute("SELECT document FROM behaviour").fetchone()
    return Behaviour.model_validate_json(row["document"]) if row else Behaviour()


def _behave(sql: sqlite3.Connection, behaviour: Behaviour) -> None:
    sql.execute("DELETE FROM behaviour")
    sql.execute("INSERT INTO behaviour VALUES (?)", (behaviour.model_dump_json(),))


def _message(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        kind=row["kind"],
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        sender=row["sender"],
        recipients=tuple(json.loads(row["recipients"])),
        subject=row["subject"],
        identity=row["identity"],
        content=row["content"],
        deliveries=row["deliveries"],
    )
