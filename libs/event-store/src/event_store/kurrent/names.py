"""How the streams and events of one service are written in a cluster that others share."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import kurrentdbclient as kurrent

from event_store.records import EventFilter, NewEvent, RecordedEvent, StreamName

_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_MARK: Final = b'"$attempt":"'
_MARK_LENGTH: Final = len(_MARK) + 32 + 2  # the mark, 32 hexadecimal digits, a quote and a brace


class Names:
    """Streams of a service are `<service>.<category>:<tenant>.<key>`.

    A service has no dot and a category no colon, so that the prefix `<service>.` is all of one service and
    `<service>.<category>:` all of one category, and never a bit of `<category>-something` too.
    """

    def __init__(self, service: str) -> None:
        """Raises ValueError for a name with a dot, a capital letter or any other sign."""
        if not _SERVICE.fullmatch(service):
            raise ValueError(
                "a service's name has lower-case letters, digits, hyphens and underscores"
            )
        self._prefix = f"{service}."

    def stored(self, stream: StreamName) -> str:
        """The name in the cluster. Raises ValueError for a category with a colon."""
        if ":" in stream.category:
            raise ValueError("a category has no colon")
        return f"{self._prefix}{stream.category}:{stream.tenant}.{stream.key}"

    def prefixes(self, where: EventFilter) -> list[str]:
        """What the names of all streams that `where` lets through begin with."""
        return [f"{self._prefix}{category}:" for category in sorted(where.categories)] or [
            self._prefix
        ]

    def recorded(self, event: kurrent.RecordedEvent) -> RecordedEvent:
        """The event as the port gives it."""
        return RecordedEvent(
            event.id,
            event.stream_name[len(self._prefix) :].replace(":", "-", 1),
            event.stream_position,
            event.type,
            event.data,
            unmarked(event.metadata),
            event.commit_position,
            event.prepare_position,
        )


def proposed(events: Sequence[NewEvent], attempt: str) -> list[kurrent.NewEvent]:
    """The batch as the server takes it. Its last event bears the mark of the attempt.

    The server answers a repeat exactly as it answered the first; whose batch it holds can only be read there.
    """
    return [*_bare(events[:-1]), *_bare(events[-1:], attempt)]


def _bare(events: Iterable[NewEvent], attempt: str | None = None) -> list[kurrent.NewEvent]:
    return [
        kurrent.NewEvent(
            id=event.id,
            type=event.type,
            data=event.data,
            metadata=event.metadata if attempt is None else marked(event.metadata, attempt),
            content_type=(
                "application/json" if event.data[:1] == b"{" else "application/octet-stream"
            ),
        )
        for event in events
    ]


def marked(metadata: bytes, attempt: str) -> bytes:
    """The metadata with one more member, at its end. Raises ValueError unless it is a JSON object without spaces
    around it.
    """
    if not (metadata.startswith(b"{") and metadata.endswith(b"}")):
        raise ValueError("metadata is a JSON object")
    comma = b"" if metadata == b"{}" else b","
    return b"".join((metadata[:-1], comma, _MARK, attempt.encode(), b'"}'))


def unmarked(metadata: bytes) -> bytes:
    """The bytes that were sent, without the mark of an attempt."""
    if not bears_mark(metadata):
        return metadata
    return metadata[:-_MARK_LENGTH].removesuffix(b",") + b"}"


def bears_mark(metadata: bytes, attempt: str = "") -> bool:
    """Whether there is a mark at the end, of this attempt or of any."""
    mark = metadata[-_MARK_LENGTH:]
    return mark.startswith(_MARK + attempt.encode()) and len(mark) == _MARK_LENGTH
