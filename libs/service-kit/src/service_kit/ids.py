"""The only place that makes ids."""

import os
from typing import Final
from uuid import UUID, uuid5

import uuid_utils

__all__ = ["command_id", "new_id", "new_token"]

_REQUESTS: Final = UUID("7c0e4bb4-3f0a-5d5e-9a35-6f5a5b6d1c11")


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): ordered by the moment it was made."""
    return UUID(int=uuid_utils.uuid7().int)


def new_token(size: int = 32) -> str:
    """`size` random bytes from the system as hexadecimal digits, for secrets."""
    return os.urandom(size).hex()


def command_id(tenant: str, actor: str, idempotency_key: str) -> UUID:
    """The id of the command in a request, so that a repeated request is the same command (UUID version 5)."""
    return uuid5(_REQUESTS, f"{tenant}/{actor}/{idempotency_key}")
