"""Sealing and opening personal values with the data key of the person they belong to."""

import asyncio
import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from privacy.errors import SealBroken, SubjectErased
from privacy.keyring import Keyring
from vocabulary.ids import TenantId
from vocabulary.sealed import Sealed

T = TypeVar("T")

_PARALLEL_FETCHES = 16

# Equal values must give equal bytes, or equal cipher text could not mean "nothing changed".
_encoder = msgspec.json.Encoder(order="deterministic")


class Sealers:
    """The ciphers of one process, kept warm for a bounded time; `of` gives a tenant's `Sealer`.

    A key is fetched once by all who wait for it, kept for `max_age_seconds` at most, so a
    destroyed key is forgotten even where the news of it was lost, and the least recently used go
    first beyond `max_warm`.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        max_warm: int = 10_000,
        max_age_seconds: float = 300.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keyring = keyring
        self._max_warm = max_warm
        self._max_age_seconds = max_age_seconds
        self._monotonic = monotonic
        self._warm: OrderedDict[tuple[TenantId, UUID], tuple[AESSIV, float]] = OrderedDict()
        self._fetches: dict[tuple[TenantId, UUID], asyncio.Task[AESSIV]] = {}

    def of(self, tenant: TenantId) -> "Sealer":
        """The sealer for the people of one tenant."""
        return Sealer(self, tenant)

    def forget(self, tenant: TenantId, subject: UUID) -> None:
        """Drop the subject's key from memory; to be called when the subject is erased."""
        self._warm.pop((tenant, subject), None)
        self._fetches.pop((tenant, subject), None)

    async def cipher(self, tenant: TenantId, subject: UUID) -> AESSIV:
        """The subject's cipher, warm or fetched; raises what `Keyring.data_key` raises."""
        person = (tenant, subject)
        kept = self._warm.get(person)
        if kept is not None and self._monotonic() < kept[1]:
            self._warm.move_to_end(person)
            return kept[0]
        fetch = self._fetches.get(person)
        if fetch is None:
            fetch = asyncio.create_task(self._fetch(tenant, subject))
            self._fetches[person] = fetch
            fetch.add_done_callback(lambda done: self._settle(person, done))
        # One caller's cancellation must not take the key from the others.
        return await asyncio.shield(fetch)

    async def _fetch(self, tenant: TenantId, subject: UUID) -> AESSIV:
        asked_at = self._monotonic()
        cipher = AESSIV(await self._keyring.data_key(tenant, subject))
        # Forgotten meanwhile: the callers get their answer, but it is not kept.
        if self._fetches.get((tenant, subject)) is asyncio.current_task():
            self._warm[tenant, subject] = (cipher, asked_at + self._max_age_seconds)
            self._warm.move_to_end((tenant, subject))
            if len(self._warm) > self._max_warm:
                self._warm.popitem(last=False)
        return cipher

    def _settle(self, person: tuple[TenantId, UUID], done: asyncio.Task[AESSIV]) -> None:
        if self._fetches.get(person) is done:
            del self._fetches[person]
        if not done.cancelled():
            done.exception()  # marks it as seen when every caller has gone away


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens the values of one tenant's people.

    AES-SIV (RFC 5297) with the field name as associated data: deterministic under one key and
    field, and a cipher text moved to another field or person does not open. The plain text is the
    value in JSON as msgspec writes it, so whatever msgspec encodes can be sealed. Every method
    raises `SubjectErased` or `KeyUnavailable` when there is no key.
    """

    _sealers: Sealers
    _tenant: TenantId

    async def seal(self, subject: UUID, field: str, value: T) -> Sealed[T]:
        """Seal one value of the subject's `field`."""
        return _seal(await self._sealers.cipher(self._tenant, subject), subject, field, value)

    async def seal_all(self, subject: UUID, values: Mapping[str, T]) -> dict[str, Sealed[T]]:
        """Seal several fields of one subject, by field name."""
        cipher = await self._sealers.cipher(self._tenant, subject)
        return {field: _seal(cipher, subject, field, value) for field, value in values.items()}

    @overload
    async def open(self, sealed: Sealed[str]) -> str: ...

    @overload
    async def open(self, sealed: Sealed[T], kind: type[T]) -> T: ...

    async def open(self, sealed: Sealed[T], kind: Any = str) -> Any:
        """The value, of the type that `kind` names (text when left out); else `SealBroken`."""
        cipher = await self._sealers.cipher(self._tenant, sealed.subject)
        return _open(cipher, sealed, kind)

    @overload
    async def open_all(self, values: Sequence[Sealed[str]]) -> list[str]: ...

    @overload
    async def open_all(self, values: Sequence[Sealed[T]], kind: type[T]) -> list[T]: ...

    async def open_all(self, values: Sequence[Sealed[T]], kind: Any = str) -> list[Any]:
        """The values in order, with one key fetch per subject; raises when any is erased."""
        ciphers = await self._ciphers(sealed.subject for sealed in values)
        return [_open(_known(ciphers, sealed), sealed, kind) for sealed in values]

    @overload
    async def open_known(self, values: Sequence[Sealed[str]]) -> list[str | None]: ...

    @overload
    async def open_known(self, values: Sequence[Sealed[T]], kind: type[T]) -> list[T | None]: ...

    async def open_known(self, values: Sequence[Sealed[T]], kind: Any = str) -> list[Any]:
        """The values in order, `None` for those of erased subjects: for lists of many people."""
        ciphers = await self._ciphers(sealed.subject for sealed in values)
        return [
            _open(cipher, sealed, kind) if (cipher := ciphers[sealed.subject]) else None
            for sealed in values
        ]

    async def _ciphers(self, subjects: Iterable[UUID]) -> dict[UUID, AESSIV | None]:
        few = asyncio.Semaphore(_PARALLEL_FETCHES)

        async def cipher(subject: UUID) -> AESSIV | None:
            async with few:
                try:
                    return await self._sealers.cipher(self._tenant, subject)
                except SubjectErased:
                    return None

        distinct = list(dict.fromkeys(subjects))
        return dict(zip(distinct, await asyncio.gather(*map(cipher, distinct)), strict=True))


def _known(ciphers: Mapping[UUID, AESSIV | None], sealed: Sealed[T]) -> AESSIV:
    cipher = ciphers[sealed.subject]
    if cipher is None:
        raise SubjectErased(sealed.subject)
    return cipher


def _seal(cipher: AESSIV, subject: UUID, field: str, value: T) -> Sealed[T]:
    closed = cipher.encrypt(_encoder.encode(value), [field.encode()])
    text = base64.urlsafe_b64encode(closed).rstrip(b"=").decode()
    return Sealed(subject=subject, field=field, cipher=text)


def _open(cipher: AESSIV, sealed: Sealed[T], kind: Any) -> Any:
    try:
        closed = base64.urlsafe_b64decode(sealed.cipher + "=" * (-len(sealed.cipher) % 4))
        plain = cipher.decrypt(closed, [sealed.field.encode()])
    except (binascii.Error, ValueError, InvalidTag) as wrong:
        raise SealBroken(sealed.subject, sealed.field) from wrong
    try:
        return msgspec.json.decode(plain, type=kind)
    except msgspec.DecodeError:
        # Its message may quote the value.
        raise SealBroken(sealed.subject, sealed.field) from None
