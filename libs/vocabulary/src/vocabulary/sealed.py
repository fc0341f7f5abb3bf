"""A personal value that only its subject's key can open."""

import dataclasses
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed(Generic[T]):
    """Cipher text of a `T`, with the person it belongs to and the field it was sealed for.

    Made and opened by `privacy.sealing`. Sealing is deterministic under one key and field, so
    equal values of one person's field are equal sealed values. In JSON it is an object with
    `subject`, `field` and `cipher` (URL-safe base64 without padding).
    """

    subject: UUID
    field: str
    cipher: str = dataclasses.field(repr=False)


def _refuse_change(_self: Sealed[T], name: str, _value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


# Python 3.11's frozen slotted dataclasses raise TypeError for unknown attributes, which breaks
# `Sealed[str](...)`: typing sets `__orig_class__` and lets only AttributeError pass.
Sealed.__setattr__ = _refuse_change  # type: ignore[method-assign, assignment] # see above
