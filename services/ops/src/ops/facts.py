"""What of an event's data the audit trail may keep: ids that relate events, and values that are no one's secret."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

__all__ = ["references", "shown_facts"]

_SHOWN: Final = frozenset(
    {
        "amount",
        "amount_kopecks",
        "by",
        "cause",
        "channel",
        "document_sha256",
        "ends_at",
        "expires_at",
        "hold_expires_at",
        "key",
        "kind",
        "lead_minutes",
        "message_type",
        "method",
        "number",
        "payment_mode",
        "payment_status",
        "previous_starts_at",
        "reason",
        "refund_eligible",
        "sequence",
        "serial",
        "starts_at",
        "status",
        "total",
        "total_kopecks",
        "type",
        "was_reserved",
        "zone",
    }
)
"""An allow list: a field that is not here does not reach the trail."""
_LONGEST: Final = 80


def references(data: Mapping[str, Any]) -> set[UUID]:
    """Every id that the event names in a field `..._id`, at any depth."""
    return {
        found for name, value in _leaves(data) if name.endswith("_id") and (found := _id(value))
    }


def shown_facts(data: Mapping[str, Any]) -> dict[str, str | int | bool]:
    """The fields of the allow list; money as kopecks; nothing that is sealed."""
    return {
        name: value if isinstance(value, int) else str(value)[:_LONGEST]
        for name, value in _leaves(data)
        if name in _SHOWN and value is not None
    }


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if not isinstance(value, dict):
            if not isinstance(value, list):
                yield name, value
            continue
        if value.keys() == {"kopecks"}:
            yield name, value["kopecks"]
        elif "cipher" not in value:
            yield from _leaves(value)


def _id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None
