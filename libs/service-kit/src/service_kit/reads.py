"""Reads: as fresh as the caller's own writes (GW-19), and in pages with an opaque cursor."""

import base64
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar

import msgspec
from fastapi import Depends, Query
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.responses import Response

from service_kit.problems import Problem
from service_kit.requests import facts_of, kit_of

__all__ = [
    "POSITION_HEADER",
    "Page",
    "PageQuery",
    "PageQueryDep",
    "Views",
    "await_view",
    "instant",
    "number",
    "page_of",
    "set_position",
    "text",
]

POSITION_HEADER: Final = "Kabinet-Position"
PATIENCE_SECONDS: Final = 2.0
_POSITION: Final = re.compile(r"\s*([a-z][a-z_-]{0,40}):([0-9a-f]{1,64})\s*")

Row = TypeVar("Row")
Item = TypeVar("Item")


class Views(Protocol):
    """The views of a service, as a read that waits for them sees them."""

    async def wait_for(self, cursor: str, timeout: float) -> bool:
        """Whether all views are at or behind `cursor` within `timeout` seconds."""
        ...


def set_position(response: Response, service: str, cursor: str) -> None:
    """Say in an answer where its events stand in the store of `service`."""
    response.headers[POSITION_HEADER] = f"{service}:{cursor}"


async def await_view(connection: HTTPConnection) -> None:
    """Wait until the views show what the request's position tokens name of this service.

    The header holds one or more `<service>:<cursor>`, separated by commas; those of other services are theirs to
    look at. Raises 400 POSITION_INVALID, and 409 VIEW_BEHIND when the bound passes first.
    """
    header = facts_of(connection).header(POSITION_HEADER)
    if header is None:
        return
    service = kit_of(connection).service
    wanted = max((cursor for name, cursor in _positions(header) if name == service), default=None)
    views: Views | None = connection.app.state.views
    if wanted is None or views is None:
        return
    if not await views.wait_for(wanted, PATIENCE_SECONDS):
        raise Problem(
            409, "VIEW_BEHIND", headers={"Retry-After": str(math.ceil(PATIENCE_SECONDS / 2))}
        )


def _positions(header: str) -> list[tuple[str, str]]:
    matches = [_POSITION.fullmatch(part) for part in header.split(",")]
    if not all(matches):
        raise Problem(400, "POSITION_INVALID")
    return [(match[1], match[2]) for match in matches if match is not None]


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` is the cursor of the following one, absent at the end."""

    items: Sequence[Item]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The query parameters `limit` and `cursor` of a list."""

    limit: int
    after: dict[str, Any] | None
    """The sort values of the last row of the page before, as they came back, or None for the first page.

    Whoever asks can write them; `place` reads them.
    """

    def place(self, **readers: Callable[[Any], Any]) -> tuple[Any, ...] | None:
        """The sort values named, each made by its reader (`instant`, `text`, `number`, `UUID`); None at the first page.

        Raises 400 CURSOR_INVALID where a value is missing or its reader refuses it.
        """
        if self.after is None:
            return None
        try:
            return tuple(read(self.after[name]) for name, read in readers.items())
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise Problem(400, "CURSOR_INVALID") from None


def instant(value: Any) -> datetime:
    """A reader: an instant with its offset, in UTC."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an instant has an offset")
    return moment.astimezone(UTC)


def text(value: Any) -> str:
    """A reader: text that a database can hold."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("text is expected")
    return value


def number(value: Any) -> int:
    """A reader: a whole number of a database, not below 0."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError("a number is expected")
    return value


# Not a class for `Depends`: FastAPI would make each one in a thread.
async def page_query(
    limit: Annotated[int, Query(ge=1, le=200, description="How many items at most")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=1000, description="`next` of the page before")
    ] = None,
) -> PageQuery:
    """The dependency of a list; raises 400 CURSOR_INVALID."""
    return PageQuery(limit, None if cursor is None else _open(cursor))


PageQueryDep = Annotated[PageQuery, Depends(page_query)]


def page_of(
    rows: Sequence[Row],
    query: PageQuery,
    *,
    key: Callable[[Row], dict[str, Any]],
    show: Callable[[Row], Item],
) -> Page[Item]:
    """A page from up to `query.limit + 1` rows.

    `key` gives a row's sort values (JSON-encodable, they come back in `query.place`), `show` its public form.
    """
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return Page(items=[show(row) for row in shown], next=_close(key(shown[-1])) if more else None)


def _close(values: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _open(cursor: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=dict[str, Any]
        )
    except (ValueError, msgspec.MsgspecError):
        raise Problem(400, "CURSOR_INVALID") from None
