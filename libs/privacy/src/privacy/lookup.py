"""Keyed hashes by which people are found without keeping their numbers in the clear."""

import hmac
from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vocabulary.email import Email
from vocabulary.ids import TenantId
from vocabulary.oms import OmsNumber
from vocabulary.phone import Phone
from vocabulary.snils import Snils

_SECRET_BYTES = 32


class LookupHashes:
    """HMAC-SHA-256 of a normalised value under a pepper of the tenant, as 64 hex digits.

    The pepper is derived from the secret by HKDF (RFC 5869). Equal values of two tenants, or of
    two kinds, have nothing in common. Numbers are few enough to be guessed by whoever has the
    secret: keep it apart from the data.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _SECRET_BYTES:
            raise ValueError("the secret of look-up hashes has at least 32 bytes")
        self._pepper: Callable[[TenantId], bytes] = lru_cache(maxsize=1024)(
            lambda tenant: HKDF(
                algorithm=SHA256(), length=32, salt=None, info=f"kabinet look-up {tenant}".encode()
            ).derive(secret)
        )

    def phone(self, tenant: TenantId, phone: Phone) -> str:
        """The hash of a telephone number."""
        return self._hash(tenant, "phone", phone)

    def email(self, tenant: TenantId, email: Email) -> str:
        """The hash of an e-mail address."""
        return self._hash(tenant, "email", email)

    def snils(self, tenant: TenantId, snils: Snils) -> str:
        """The hash of a SNILS."""
        return self._hash(tenant, "snils", snils)

    def oms(self, tenant: TenantId, oms: OmsNumber) -> str:
        """The hash of an OMS policy number."""
        return self._hash(tenant, "oms", oms)

    def _hash(self, tenant: TenantId, kind: str, value: str) -> str:
        return hmac.digest(self._pepper(tenant), f"{kind}:{value}".encode(), "sha256").hex()
