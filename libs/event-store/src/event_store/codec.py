"""Domain events to stored bytes and back, by explicit stored names.

Names are written once, in the `STORED_NAMES` table of an aggregate, and never derived from classes or modules.
A type that was stored once decodes for ever: an old version keeps its class and a pure `upcast` to today's.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, NoReturn, Protocol, TypeVar

import msgspec

from event_store.records import Metadata, RecordedEvent, family

__all__ = [
    "Codec",
    "Encoded",
    "Past",
    "UnknownEventType",
    "UnstorableText",
    "encode_metadata",
]

E = TypeVar("E")

_ENCODER: Final = msgspec.json.Encoder()
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of the character 0, unless its backslash is itself an escaped one."""


class Encoded(Protocol):
    """Anything that carries a stored event: a recorded event, or an envelope."""

    @property
    def type(self) -> str:
        """The stored name."""
        ...

    @property
    def data(self) -> bytes:
        """The JSON bytes."""
        ...


class UnstorableText(ValueError):
    """A text with the character 0 or half a surrogate pair: no column of PostgreSQL takes it.

    Once stored, such an event would stop every view that shows the text, for everybody.
    """

    code: ClassVar[str] = "TEXT_INVALID"


class UnknownEventType(Exception):
    """A stored name without a class: an event of a newer version, or a table that lost a row."""


@dataclass(frozen=True, slots=True)
class Past:
    """An event type that is no longer written: its old class, and the pure way to today's event."""

    shape: type[Any]
    upcast: Callable[[Any], Any]


class _Decoders(dict[str, Callable[[bytes], Any]]):
    def __missing__(self, name: str) -> NoReturn:
        raise UnknownEventType(name)


class Codec(Generic[E]):
    """Encodes and decodes the events of one or several aggregates."""

    def __init__(
        self, names: Mapping[type[E], str], past: Mapping[str, Past] | None = None
    ) -> None:
        """`names`: class to stored name; `past`: stored name of an older version to its class and upcast.

        Raises ValueError when a name stands twice.
        """
        past = past or {}
        stored = [*names.values(), *past]
        if len(stored) != len(set(stored)):
            raise ValueError("a stored name stands twice")
        self._names = dict(names)
        self._past = dict(past)
        self._decoders = _Decoders(
            {name: msgspec.json.Decoder(shape).decode for shape, name in names.items()}
        )
        for name, old in past.items():
            self._decoders[name] = _upcasting(old)

    @property
    def types(self) -> frozenset[str]:
        """Every stored name this codec reads."""
        return frozenset(self._decoders)

    def encode(self, event: E) -> tuple[str, bytes]:
        """The stored name and the JSON bytes. Raises KeyError for a class outside the table, UnstorableText."""
        name = self._names[type(event)]
        try:
            data = _ENCODER.encode(event)
        except UnicodeEncodeError:
            raise UnstorableText from None
        if b"\\u0000" in data and _NUL.search(data):
            raise UnstorableText
        return name, data

    def names(self, classes: Iterable[type[E]]) -> frozenset[str]:
        """Every stored name that may decode into one of `classes`: their own, and all that are upcast.

        Raises KeyError for a class outside the table.
        """
        return frozenset(self._names[kind] for kind in classes) | frozenset(self._past)

    def families(self, classes: Iterable[type[E]]) -> frozenset[str]:
        """The families of `names`, for a filter."""
        return frozenset(map(family, self.names(classes)))

    def decode(self, recorded: Encoded) -> E:
        """Today's event. Raises UnknownEventType, or msgspec.ValidationError when the bytes do not fit."""
        event: E = self._decoders[recorded.type](recorded.data)
        return event

    def decode_all(self, recorded: Iterable[RecordedEvent]) -> list[E]:
        """`decode` over a page, without the look-ups of a call per event."""
        decoders = self._decoders
        return [decoders[event.type](event.data) for event in recorded]

    @staticmethod
    def merge(*codecs: "Codec[Any]") -> "Codec[Any]":
        """One codec for the events of several aggregates of a service."""
        names: dict[type[Any], str] = {}
        past: dict[str, Past] = {}
        for codec in codecs:
            if set(names.values()) & set(codec._names.values()):  # noqa: SLF001 - own class
                raise ValueError("two aggregates store events under one name")
            names |= codec._names  # noqa: SLF001 - own class
            past |= codec._past  # noqa: SLF001 - own class
        return Codec(names, past)


def _upcasting(old: Past) -> Callable[[bytes], Any]:
    decode = msgspec.json.Decoder(old.shape).decode
    return lambda data: old.upcast(decode(data))


def encode_metadata(metadata: Metadata) -> bytes:
    """The stored form of metadata."""
    return _ENCODER.encode(metadata)
