"""The authority at work: its own keys, what it issued, and what it revoked."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.certificate_authority.certificates import (
    Doctor,
    Identity,
    Revocation,
    key_pem,
    make_doctor,
    make_issuing,
    make_revocation_list,
    make_root,
    make_timestamping,
    pem,
)
from sandbox.clock import Clock
from sandbox.storage import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS identities (
    role TEXT PRIMARY KEY, certificate TEXT NOT NULL, key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS certificates (
    position INTEGER PRIMARY KEY AUTOINCREMENT, serial TEXT NOT NULL UNIQUE,
    certificate TEXT NOT NULL, revoked_at REAL, reason TEXT
);
CREATE TABLE IF NOT EXISTS lists (number INTEGER PRIMARY KEY AUTOINCREMENT);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate of a doctor; the authority keeps no key of anybody else."""

    certificate: x509.Certificate
    revocation: Revocation | None

    @property
    def serial(self) -> str:
        return serial_text(self.certificate)


class Authority:
    """Root, issuing and time-stamping identities are made once and kept in the folder."""

    def __init__(self, *, folder: Path, clock: Clock, public_url: str) -> None:
        self.clock = clock
        self._list_url = f"{public_url}/crl"
        self._database = Database(folder / "ca.sqlite", SCHEMA)
        with self._database.transaction() as sql:
            known = _identities(sql)
            if not known:
                known = _found(clock(), public_url)
                sql.executemany(
                    "INSERT INTO identities VALUES (?, ?, ?)",
                    [
                        (role, pem(identity.certificate), key_pem(identity.key))
                        for role, identity in known.items()
                    ],
                )
        self.root = known["root"]
        self.issuing = known["issuing"]
        self.timestamping = known["timestamping"]

    def issue(self, doctor: Doctor) -> Identity:
        issued = make_doctor(self.issuing, doctor, self.clock(), list_url=self._list_url)
        with self._database.transaction() as sql:
            sql.execute(
                "INSERT INTO certificates (serial, certificate) VALUES (?, ?)",
                (serial_text(issued.certificate), pem(issued.certificate)),
            )
        return issued

    def issued(self) -> Sequence[Issued]:
        """The newest first."""
        with self._database.transaction() as sql:
            rows = sql.execute("SELECT * FROM certificates ORDER BY position DESC").fetchall()
        return [_issued(row) for row in rows]

    def find(self, serial: str) -> Issued | None:
        with self._database.transaction() as sql:
            row = sql.execute(
                "SELECT * FROM certificates WHERE serial = ?", (serial.upper(),)
            ).fetchone()
        return row and _issued(row)

    def revoke(self, serial: str, reason: x509.ReasonFlags) -> Issued | None:
        """The first revocation counts; a second one changes nothing."""
        with self._database.transaction() as sql:
            sql.execute(
                "UPDATE certificates SET revoked_at = ?, reason = ?"
                " WHERE serial = ? AND revoked_at IS NULL",
                (self.clock().timestamp(), reason.value, serial.upper()),
            )
        return self.find(serial)

    def revocation_list(self) -> bytes:
        """What the issuing authority revoked, DER."""
        revocations = [issued.revocation for issued in self.issued() if issued.revocation]
        return self._signed_list(self.issuing, revocations)

    def root_revocation_list(self) -> bytes:
        """The root never revoked anything, DER."""
        return self._signed_list(self.root, [])

    def close(self) -> None:
        self._database.close()

    def _signed_list(self, issuer: Identity, revocations: Sequence[Revocation]) -> bytes:
        with self._database.transaction() as sql:
            number = sql.execute("INSERT INTO lists DEFAULT VALUES RETURNING number").fetchone()
        signed = make_revocation_list(issuer, revocations, number["number"], self.clock())
        return signed.public_bytes(serialization.Encoding.DER)


def serial_text(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:040X}"


def _found(now: datetime, public_url: str) -> dict[str, Identity]:
    root = make_root(now)
    issuing = make_issuing(root, now, list_url=f"{public_url}/root.crl")
    timestamping = make_timestamping(issuing, now, list_url=f"{public_url}/crl")
    return {"root": root, "issuing": issuing, "timestamping": timestamping}


def _identities(sql: sqlite3.Connection) -> dict[str, Identity]:
    return {
        row["role"]: Identity(
            certificate=x509.load_pem_x509_certificate(row["certificate"].encode()),
            key=_load_key(row["key"]),
        )
        for row in sql.execute("SELECT * FROM identities")
    }


def _load_key(text: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The key of an authority is an elliptic curve key")
    return key


def _issued(row: sqlite3.Row) -> Issued:
    certificate = x509.load_pem_x509_certificate(row["certificate"].encode())
    revocation = None
    if row["revoked_at"] is not None:
        revocation = Revocation(
            serial=certificate.serial_number,
            revoked_at=datetime.fromtimestamp(row["revoked_at"], UTC),
            reason=x509.ReasonFlags(row["reason"]),
        )
    return Issued(certificate=certificate, revocation=revocation)
