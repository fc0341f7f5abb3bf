"""Places in lists that are ordered by an instant and an id, newest first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from service_kit.reads import PageQuery, instant

__all__ = ["place", "place_before"]


def place(instant: datetime, thing: UUID) -> dict[str, Any]:
    """The sort values of a row, for the cursor."""
    return {"at": instant.isoformat(), "id": str(thing)}


def place_before(query: PageQuery) -> tuple[datetime, UUID] | None:
    """Where the page begins; raises 400 CURSOR_INVALID."""
    return query.place(at=instant, id=UUID)
