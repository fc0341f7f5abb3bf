"""Sessions that were ended while their access tokens were alive, for those who guard the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from identity.domain.session.events import SessionEnded
from read_models import Fact, Queries, View
from vocabulary.ids import SessionId

__all__ = ["VIEW", "EndedSessionRow", "alive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSessionRow:
    """`position` is the place of the end in the store, as text that sorts."""

    tenant: str
    session_id: SessionId
    tokens_until: datetime
    position: str


def project(
    _row: EndedSessionRow | None, event: SessionEnded, fact: Fact
) -> EndedSessionRow | None:
    return EndedSessionRow(
        tenant=fact.tenant,
        session_id=event.session_id,
        tokens_until=event.tokens_until,
        position=str(fact.position),
    )


VIEW = View(
    name="ended_sessions",
    version=1,
    row=EndedSessionRow,
    key=("tenant", "session_id"),
    indexes=(("tokens_until",), ("position",)),
    events={SessionEnded: lambda event, fact: [(fact.tenant, event.session_id)]},
    project=project,
)


async def alive(db: Queries, *, after: str, now: datetime, limit: int) -> Sequence[EndedSessionRow]:
    """Ends behind a position whose tokens have not expired, in order, of all tenants."""
    return await db.all(
        VIEW, "position > $1 AND tokens_until > $2", after, now, order=("position",), limit=limit
    )
