"""The branches of the clinic: where appointments are, and in which zone."""

from collections.abc import Collection
from dataclasses import dataclass

from booking.domain.branch.events import BranchRecorded
from booking.read_models.folded import folded, patterns
from read_models import Fact, Queries, View
from vocabulary.ids import BranchId
from vocabulary.zone import ZoneId

__all__ = ["VIEW", "BranchRow", "by_ids", "search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRow:
    tenant: str
    branch_id: BranchId
    name: str
    address: str
    phone: str
    zone: ZoneId
    searched: str


def project(_row: BranchRow | None, event: BranchRecorded, fact: Fact) -> BranchRow:
    return BranchRow(
        tenant=fact.tenant,
        branch_id=event.branch_id,
        name=event.name,
        address=event.address,
        phone=event.phone,
        zone=event.zone,
        searched=folded(event.name),
    )


VIEW = View(
    name="branches",
    version=1,
    row=BranchRow,
    key=("tenant", "branch_id"),
    events={BranchRecorded: lambda event, fact: [(fact.tenant, event.branch_id)]},
    project=project,
)


async def by_ids(
    db: Queries, tenant: str, branch_ids: Collection[BranchId]
) -> dict[BranchId, BranchRow]:
    rows = await db.some(VIEW, ((tenant, branch_id) for branch_id in branch_ids))
    return {row.branch_id: row for row in rows.values()}


async def search(db: Queries, tenant: str, query: str, limit: int) -> list[BranchRow]:
    where = "tenant = $1 AND searched LIKE ALL($2::text[])"
    return await db.all(VIEW, where, tenant, patterns(query), order=("searched",), limit=limit)
