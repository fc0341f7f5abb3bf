"""What is derived from the service's root secret: hashes of logins, codes and addresses, and refresh tokens."""

import base64
import binascii
import hmac
import secrets
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from identity.application.ports import PresentedRefresh, Secrets
from privacy.lookup import LookupHashes
from vocabulary.ids import SessionId, TenantId

__all__ = ["derived_secrets"]

_PASSWORD_BYTES: Final = 12


def derived_secrets(root: bytes) -> Secrets:
    """Everything that identity makes from its root secret, each with a key of its own (HKDF, RFC 5869)."""
    return Secrets(
        logins=LookupHashes(_derive(root, "logins")),
        hashes=HmacHashes(root),
        new_code=lambda: f"{secrets.randbelow(1_000_000):06}",
        refresh_tokens=HmacRefreshTokens(_derive(root, "refresh tokens")),
    )


class HmacHashes:
    """See `KeyedHashes`."""

    def __init__(self, root: bytes) -> None:
        self._codes, self._addresses = _derive(root, "codes"), _derive(root, "addresses")
        self._first_passwords = _derive(root, "first passwords")

    def code(self, attempt_id: UUID, code: str) -> str:
        """See `KeyedHashes`."""
        return hmac.digest(self._codes, f"{attempt_id}:{code}".encode(), "sha256").hex()

    def address(self, tenant: TenantId, address: str) -> str:
        """See `KeyedHashes`."""
        return hmac.digest(self._addresses, f"{tenant}:{address}".encode(), "sha256").hex()

    def first_password(self, account_id: UUID) -> str:
        """See `KeyedHashes`."""
        made = hmac.digest(self._first_passwords, account_id.bytes, "sha256")
        return base64.urlsafe_b64encode(made[:_PASSWORD_BYTES]).decode()


class HmacRefreshTokens:
    """See `RefreshTokens`: `<session>.<generation>.<HMAC-SHA-256 over tenant, session and generation>`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, tenant: TenantId, session_id: SessionId, generation: int) -> str:
        """See `RefreshTokens`."""
        named = f"{session_id.hex}.{generation}"
        return f"{named}.{_text(self._tag(tenant, named))}"

    def read(self, tenant: TenantId, token: str) -> PresentedRefresh | None:
        """See `RefreshTokens`."""
        named, _, tag = token.rpartition(".")
        try:
            genuine = hmac.compare_digest(_bytes(tag), self._tag(tenant, named))
        except (binascii.Error, ValueError):
            return None
        if not genuine:
            return None
        session, _, generation = named.partition(".")
        return PresentedRefresh(session_id=SessionId(UUID(session)), generation=int(generation))

    def _tag(self, tenant: TenantId, named: str) -> bytes:
        return hmac.digest(self._key, f"{tenant}:{named}".encode(), "sha256")


def _derive(root: bytes, purpose: str) -> bytes:
    info = f"kabinet identity {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
