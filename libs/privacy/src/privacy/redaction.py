"""Log redaction: what is not known to be harmless does not reach the log."""

import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any

MASK = "[redacted]"

ALLOWED = frozenset({
    "event", "level", "timestamp", "logger", "service", "version", "tenant", "role",
    "type", "category", "stream", "revision", "position", "cursor", "topic", "partition",
    "consumer", "view", "process", "timer", "reason", "code", "error", "attempt", "attempts",
    "count", "size", "lag", "due_at", "duration_ms", "seconds", "method", "route", "status",
    "host", "port", "signal", "adapter", "policy", "from_revision", "media_type",
})  # fmt: skip
"""Keys whose values are technical in every service. Keys that end in `_id` are allowed too."""

_LONGEST = 500
_DEEPEST = 20

# Digits glued to more hex digits are part of an id or a digest.
_START, _END = r"(?<![0-9a-f])", r"(?![0-9a-f])"
_PERSONAL = re.compile(
    "|".join(
        [
            r"(?i:\bbearer\s+)[\w.~+/=-]+",
            r"\beyJ[\w-]+\.[\w-]+\.[\w-]*",
            r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+",
            rf"{_START}\d{{3}}[ -]?\d{{3}}[ -]?\d{{3}}[ -]?\d{{2}}{_END}",
            r"(?<!\w)\+\d(?:[\s().-]{0,2}\d){8,14}(?!\w)",
            rf"{_START}(?:[78][\s().-]{{0,2}})?(?:\(9\d{{2}}\)|9\d{{2}})(?:[\s().-]{{0,2}}\d){{7}}{_END}",
            rf"{_START}[78](?:[\s().-]{{0,2}}\d){{10}}{_END}",
            rf"{_START}(?!00)(?:\d{{16}}|\d{{4}}(?:[ -]\d{{4}}){{3}}){_END}",
        ]
    )
)

# What every pattern above needs; most texts have none of it, and the patterns are ten times slower.
_SUSPECT = re.compile(r"@|eyJ|[Bb][Ee][Aa][Rr]|\d(?:[\s().-]{0,2}\d){9}")

EventDict = MutableMapping[str, Any]


class Redaction:
    """A structlog processor, to be the last one before rendering.

    Keeps scalar values of allowed keys and masks the rest; strips from texts what looks like a
    bearer token, e-mail address, telephone number, SNILS or OMS number. An exception (`exc_info`)
    is logged as its type and places in the code: its message may quote a person.
    """

    def __init__(self, *, also_allowed: frozenset[str] = frozenset()) -> None:
        self._allowed = ALLOWED | also_allowed

    def __call__(self, _logger: object, _method: str, event: EventDict) -> Mapping[str, Any]:
        """Redact one log entry."""
        failure = _exception(event.pop("exc_info", None))
        redacted = {key: self._redact(key, value) for key, value in event.items()}
        if failure is not None:
            redacted["exception"] = _describe(failure)
        return redacted

    def _redact(self, key: str, value: object) -> object:
        if key not in self._allowed and not key.endswith("_id"):
            return MASK
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return strip_personal(value)
            case _:
                return MASK


def strip_personal(text: str) -> str:
    """The text, cut to 500 characters, without what looks like personal data or a token."""
    text = text[:_LONGEST]
    return _PERSONAL.sub(MASK, text) if _SUSPECT.search(text) else text


def _exception(exc_info: object) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as failure, TracebackType() | None):
            return failure
        case None | False:
            return None
        case _:
            return sys.exception()


def _describe(failure: BaseException) -> str:
    """Types and places, innermost cause last: "builtins.ValueError at rules.py:12 in check"."""
    chain: list[str] = []
    current: BaseException | None = failure
    while current is not None and len(chain) < _DEEPEST:
        kind = type(current)
        frames = traceback.extract_tb(current.__traceback__, limit=-_DEEPEST)
        places = "".join(f" at {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        chain.append(f"{kind.__module__}.{kind.__qualname__}{places}")
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return " caused by ".join(chain)
