"""Row fields as PostgreSQL columns: the type of each, and the way of its values there and back."""

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

import msgspec

from vocabulary.money import Money
from vocabulary.sealed import Sealed

__all__ = ["Column", "columns_of"]

_NATIVE = {
    str: "text",
    bool: "boolean",
    int: "bigint",
    float: "double precision",
    UUID: "uuid",
    datetime: "timestamptz",
    date: "date",
    time: "time",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a row in PostgreSQL.

    `sql` is its type; `wire` the type of the value as it travels in an array parameter (`text` for what is cast in
    the statement); `encode` and `decode` are None when the driver's own value is the field's value.
    """

    name: str
    sql: str
    wire: str
    nullable: bool
    sealed: Any = None
    encode: Callable[[Any], Any] | None = None
    decode: Callable[[Any], Any] | None = None

    @property
    def selected(self) -> str:
        """The column in a SELECT list."""
        return f"{self.name}::text AS {self.name}" if self.sql == "jsonb" else self.name

    @property
    def unnested(self) -> str:
        """The column of an unnested parameter, cast to what the table holds."""
        return self.name if self.wire == self.sql else f"{self.name}::{self.sql}"

    @property
    def definition(self) -> str:
        """The column in a CREATE TABLE."""
        return f"{self.name} {self.sql}" + ("" if self.nullable else " NOT NULL")


def columns_of(row: type[Any]) -> tuple[Column, ...]:
    """The columns of a row dataclass. Raises TypeError when it is none, or a field's type cannot be kept."""
    if not is_dataclass(row):
        raise TypeError(f"{row.__name__} is not a dataclass")
    hints = typing.get_type_hints(row)
    return tuple(_column(field.name, hints[field.name]) for field in fields(row))


def _column(name: str, hint: Any) -> Column:
    kind, nullable = _optional(_plain(hint))
    kind = _plain(kind)
    origin = get_origin(kind)
    if kind in _NATIVE:
        return Column(name, _NATIVE[kind], _NATIVE[kind], nullable)
    if kind is Money:
        return _converted(name, "bigint", nullable, lambda m: m.kopecks, lambda k: Money(kopecks=k))
    if isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str):
        return _converted(name, "text", nullable, lambda member: member.value, kind)
    if origin is Literal and all(isinstance(value, str) for value in get_args(kind)):
        return Column(name, "text", "text", nullable)
    if origin is Sealed or kind is Sealed:
        (content,) = get_args(kind) or (str,)
        encode, decode = _json(Sealed)
        return Column(
            name, "text", "text", nullable, content, _optionally(encode), _optionally(decode)
        )
    if origin is tuple and len(get_args(kind)) == 2 and get_args(kind)[1] is Ellipsis:
        item = _plain(get_args(kind)[0])
        if item in _NATIVE:
            return _array(name, _NATIVE[item], nullable)
    encode, decode = _json(kind)
    return Column(name, "jsonb", "text", nullable, None, _optionally(encode), _optionally(decode))


def _plain(hint: Any) -> Any:
    """The type behind NewType and Annotated."""
    while True:
        if isinstance(hint, NewType):
            hint = hint.__supertype__
        elif hasattr(hint, "__metadata__"):
            hint = get_args(hint)[0]
        else:
            return hint


def _optional(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in {Union, types.UnionType}:
        return hint, False
    rest = tuple(part for part in get_args(hint) if part is not type(None))
    if len(rest) == len(get_args(hint)):
        return hint, False
    return Union[rest], True  # noqa: UP007 - built at run time


def _converted(
    name: str,
    sql: str,
    nullable: bool,  # noqa: FBT001 - internal
    encode: Callable[[Any], Any],
    decode: Callable[[Any], Any],
) -> Column:
    return Column(name, sql, sql, nullable, None, _optionally(encode), _optionally(decode))


def _array(name: str, item: str, nullable: bool) -> Column:  # noqa: FBT001 - internal
    # unnest would take arrays of arrays apart, so an array travels as its text form.
    return Column(
        name, f"{item}[]", "text", nullable, None, _optionally(_array_text), _optionally(tuple)
    )


def _array_text(values: tuple[Any, ...]) -> str:
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _json(kind: Any) -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    encoder, decoder = msgspec.json.Encoder(), msgspec.json.Decoder(kind)
    return (lambda value: encoder.encode(value).decode()), decoder.decode


def _optionally(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)
