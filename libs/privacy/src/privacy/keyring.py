"""The keyring port, and the wrapping of data keys with a master key."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.errors import KeyUnavailable
from vocabulary.ids import TenantId

DATA_KEY_BYTES = 64
"""AES-SIV takes two keys of 256 bits as one (RFC 5297)."""

_MASTER_KEY_BYTES = 32
_NONCE_BYTES = 12


class Keyring(Protocol):
    """One data key for each person of each tenant."""

    async def data_key(self, tenant: TenantId, subject: UUID) -> bytes:
        """The 64 bytes of the subject's key, made on first use and the same ever after.

        Raises `SubjectErased` once the key is destroyed and `KeyUnavailable` when the ring cannot
        be reached.
        """
        ...


class KeyringOwner(Keyring, Protocol):
    """The keyring as its owner sees it: the only one who can destroy a key."""

    async def destroy(self, tenant: TenantId, subject: UUID) -> None:
        """Destroy the subject's key for ever; also of a subject that never had one. Repeatable."""
        ...


def new_data_key() -> bytes:
    """A fresh random data key."""
    return secrets.token_bytes(DATA_KEY_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key under a master key: safe to store, useless without that master key."""

    master_key_id: str
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKeys:
    """Master keys by id; the current one wraps, all of them unwrap.

    Wrapping is AES-256-GCM with a random nonce of 96 bits in front; tenant and subject are
    authenticated, so a wrapped key moved to another row does not open.
    """

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current master key is missing")
        if any(len(key) != _MASTER_KEY_BYTES for key in self.keys.values()):
            raise ValueError("a master key has 32 bytes")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read "id:base64,id:base64", the current one first, as operators write it in settings."""
        pairs = [pair.strip().partition(":") for pair in text.split(",")]
        try:
            keys = {name: base64.b64decode(key, validate=True) for name, _, key in pairs}
        except binascii.Error as wrong:
            raise ValueError("master keys are written id:base64,id:base64") from wrong
        if "" in keys or len(keys) != len(pairs):
            raise ValueError("each master key has an id of its own")
        return cls(current=pairs[0][0], keys=keys)

    def wrap(self, tenant: TenantId, subject: UUID, data_key: bytes) -> WrappedKey:
        """Wrap a data key with the current master key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, data_key, _row(tenant, subject))
        return WrappedKey(master_key_id=self.current, wrapped=nonce + sealed)

    def unwrap(self, tenant: TenantId, subject: UUID, key: WrappedKey) -> bytes:
        """The data key; raises `KeyUnavailable` when the master key is missing or does not fit."""
        master = self.keys.get(key.master_key_id)
        if master is None:
            raise KeyUnavailable(f"no master key {key.master_key_id!r}")
        nonce, sealed = key.wrapped[:_NONCE_BYTES], key.wrapped[_NONCE_BYTES:]
        try:
            return AESGCM(master).decrypt(nonce, sealed, _row(tenant, subject))
        except InvalidTag as wrong:
            raise KeyUnavailable(f"master key {key.master_key_id!r} does not fit") from wrong


def _row(tenant: TenantId, subject: UUID) -> bytes:
    return f"{tenant}/{subject}".encode()
