"""Places in lists that are ordered by an instant and an id, newest first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from service_kit.problems import Problem
from service_kit.reads import PageQuery

__all__ = ["place", "place_before"]


def place(instant: datetime, thing: UUID) -> dict[str, Any]:
    """The sort values of a row, for the cursor."""
    return {"at": instant.isoformat(), "id": str(thing)}


def place_before(query: PageQuery) -> tuple[datetime, UUID] | None:
    """Where the page begins; raises 400 CURSOR_INVALID."""
    if query.after is None:
        return None
    try:
        return datetime.fromisoformat(query.after["at"]), UUID(query.after["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Problem(400, "CURSOR_INVALID") from None
