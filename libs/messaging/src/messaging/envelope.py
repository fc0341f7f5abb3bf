"""One event on its way, and its form on the wire: CloudEvents 1.0, binary mode.

Attribute names follow the CloudEvents specification 1.0.2 and its Kafka binding (`ce_` before each header); extension
names have lower-case letters and digits only, as the specification asks.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

import msgspec

from event_store import Metadata, RecordedEvent

__all__ = [
    "MALFORMED",
    "Envelope",
    "MalformedEnvelope",
    "from_headers",
    "kept_aside",
    "of_recorded",
    "to_headers",
]

MALFORMED: Final = "Malformed"
"""The type of an envelope that stands for what a bus delivered and nobody can read."""

_SPEC_VERSION: Final = "1.0"
_CONTENT_TYPE: Final = "application/json"
_NAMESPACE: Final = UUID("0190a000-0000-7000-8000-0000000bad00")
_text: Final[Callable[[UUID], str]] = msgspec.to_builtins
"""As `str`, in a tenth of the time."""
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_POSITION: Final = re.compile(r"[0-9a-f]{32}(?:\.[0-9]{4,})?").fullmatch
"""A cursor's text, and a number for the second and later events of one place. Whatever else sorted behind these would
become a mark that nothing ever passes.
"""


class MalformedEnvelope(ValueError):
    """Headers that are not those of a CloudEvent of this suite; names the attribute and never quotes a value."""


class Envelope(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event, from an own store or from the bus.

    `source` is the service that tells it, `key` the text form of its stream: events of one key stay in order.
    `position` is its place in the order of all events of the source; positions of one source compare as texts.
    `data` is the JSON of the event, `type` its name with the version.
    """

    id: UUID
    source: str
    type: str
    key: str
    position: str
    data: bytes
    metadata: Metadata

    @property
    def tenant(self) -> str:
        """Whose event it is."""
        return self.metadata.tenant


def of_recorded(source: str, recorded: RecordedEvent) -> Envelope:
    """The envelope of an event of the service's own store."""
    return Envelope(
        id=recorded.id,
        source=source,
        type=recorded.type,
        key=recorded.stream,
        position=str(recorded.cursor),
        data=recorded.data,
        metadata=recorded.meta(),
    )


def to_headers(envelope: Envelope) -> dict[str, str]:
    """All of the envelope but its data. Absent attributes are left out."""
    metadata = envelope.metadata
    headers = {
        "content-type": _CONTENT_TYPE,
        "ce_specversion": _SPEC_VERSION,
        "ce_id": _text(envelope.id),
        "ce_source": envelope.source,
        "ce_type": envelope.type,
        "ce_partitionkey": envelope.key,
        "ce_sequence": envelope.position,
        "ce_time": metadata.time.isoformat(),
        "ce_tenant": metadata.tenant,
        "ce_actor": metadata.actor,
        "ce_role": metadata.role,
        "ce_correlationid": _text(metadata.correlation),
    }
    if metadata.causation is not None:
        headers["ce_causationid"] = _text(metadata.causation)
    if metadata.subject is not None:
        headers["ce_onbehalfof"] = metadata.subject
    if metadata.traceparent is not None:
        headers["ce_traceparent"] = metadata.traceparent
    if metadata.policy is not None:
        headers["ce_policyversion"] = str(metadata.policy)
    return headers


def from_headers(headers: Mapping[str, str], data: bytes) -> Envelope:
    """The envelope that `to_headers` took apart; headers it does not know are passed over.

    Raises MalformedEnvelope; also for a text with the character 0, which no column of PostgreSQL takes.
    """
    if headers.get("ce_specversion") != _SPEC_VERSION:
        raise MalformedEnvelope("specversion")
    if "\0" in "".join(headers.values()):
        raise MalformedEnvelope("the character 0")
    try:
        causation, policy = headers.get("ce_causationid"), headers.get("ce_policyversion")
        envelope = Envelope(
            id=UUID(headers["ce_id"]),
            source=headers["ce_source"],
            type=headers["ce_type"],
            key=headers["ce_partitionkey"],
            position=headers["ce_sequence"],
            data=data,
            metadata=Metadata(
                tenant=headers["ce_tenant"],
                actor=headers["ce_actor"],
                role=headers["ce_role"],
                time=datetime.fromisoformat(headers["ce_time"]),
                correlation=UUID(headers["ce_correlationid"]),
                causation=UUID(causation) if causation is not None else None,
                subject=headers.get("ce_onbehalfof"),
                traceparent=headers.get("ce_traceparent"),
                policy=int(policy) if policy is not None else None,
            ),
        )
    except KeyError as missing:
        raise MalformedEnvelope(missing.args[0]) from None
    except ValueError:
        raise MalformedEnvelope("an id, time or version") from None
    if not _POSITION(envelope.position) and envelope.type != MALFORMED:
        raise MalformedEnvelope("ce_sequence")
    if envelope.metadata.time.tzinfo is None:
        raise MalformedEnvelope("ce_time")
    return envelope


def kept_aside(place: str, headers: object, data: bytes) -> Envelope:
    """What stands for a delivery with a MalformedEnvelope: it has a key of its own, and every byte as it came.

    `place`: topic, partition and offset; `headers`: whatever was there, as texts or bytes. The data is a JSON object of
    both, bytes in base64. The position is empty: a consumer puts it behind what it has read before.
    """
    name = uuid5(_NAMESPACE, place)
    return Envelope(
        id=name,
        source="",
        type=MALFORMED,
        key=f"malformed-{place}",
        position="",
        data=msgspec.json.encode({"headers": headers, "data": data}),
        metadata=Metadata(tenant="", actor="", role="", time=_NEVER, correlation=name),
    )
