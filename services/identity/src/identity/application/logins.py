"""Logins as people type them."""

from dataclasses import dataclass

from identity.application.ports import LoginHashes
from identity.domain.people import LoginKind, login_key
from vocabulary.email import Email, parse_email
from vocabulary.ids import TenantId
from vocabulary.phone import Phone, parse_phone

__all__ = ["TypedLogin", "typed_email", "typed_login", "typed_phone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedLogin:
    """A normalised login with its keyed hash."""

    kind: LoginKind
    text: str
    lookup: str

    @property
    def key(self) -> str:
        """The key of its reservation."""
        return login_key(self.kind, self.lookup)


def typed_login(hashes: LoginHashes, tenant: TenantId, text: str) -> TypedLogin:
    """An e-mail address when there is an @ in it, else a telephone number; raises InvalidValue."""
    if "@" in text:
        return typed_email(hashes, tenant, parse_email(text))
    return typed_phone(hashes, tenant, parse_phone(text))


def typed_email(hashes: LoginHashes, tenant: TenantId, email: Email) -> TypedLogin:
    """An address as a login."""
    return TypedLogin(kind=LoginKind.EMAIL, text=email, lookup=hashes.email(tenant, email))


def typed_phone(hashes: LoginHashes, tenant: TenantId, phone: Phone) -> TypedLogin:
    """A number as a login."""
    return TypedLogin(kind=LoginKind.PHONE, text=phone, lookup=hashes.phone(tenant, phone))
