"""The price list of a branch (BIL-01)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from billing.domain.price_list.events import (
    PriceListEvent,
    PricePublished,
    PriceWithdrawn,
    ServiceScope,
)
from read_models import Fact, Queries, View
from vocabulary.ids import BranchId, ServiceId
from vocabulary.money import Money

__all__ = ["VIEW", "PriceRow", "on_sale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    tenant: str
    branch_id: BranchId
    service_id: ServiceId
    department: str
    code: str
    name: str
    price: Money
    scope: ServiceScope
    on_sale: bool = True


def project(row: PriceRow | None, event: PriceListEvent, fact: Fact) -> PriceRow | None:
    match event:
        case PricePublished():
            return PriceRow(
                tenant=fact.tenant,
                branch_id=event.branch_id,
                service_id=event.service_id,
                department=event.department,
                code=event.code,
                name=event.name,
                price=event.price,
                scope=event.scope,
            )
        case PriceWithdrawn():
            return None if row is None else replace(row, on_sale=False)


VIEW = View(
    name="prices",
    version=2,
    row=PriceRow,
    key=("tenant", "branch_id", "service_id"),
    events={
        kind: lambda event, fact: [(fact.tenant, event.branch_id, event.service_id)]
        for kind in (PricePublished, PriceWithdrawn)
    },
    project=project,
)


async def on_sale(db: Queries, tenant: str, branch_id: BranchId) -> Sequence[PriceRow]:
    """What can be bought, by department and code."""
    return await db.all(
        VIEW,
        "tenant = $1 AND branch_id = $2 AND on_sale",
        tenant,
        branch_id,
        order=("department", "code"),
    )
