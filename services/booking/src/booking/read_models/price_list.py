"""The services that can be had, with their prices."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from booking.domain.service_price.events import (
    ServicePriceEvent,
    ServicePriceRecorded,
    ServicePriceWithdrawn,
    ServiceScope,
)
from read_models import Fact, Queries, View
from vocabulary.ids import BranchId, ServiceId
from vocabulary.money import Money

__all__ = ["VIEW", "ServiceRow", "by_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    tenant: str
    service_id: ServiceId
    branch_id: BranchId
    department: str
    name: str
    price: Money
    scope: ServiceScope
    withdrawn: bool


def project(row: ServiceRow | None, event: ServicePriceEvent, fact: Fact) -> ServiceRow | None:
    """A withdrawn service stays, because appointments with it are still shown."""
    match event:
        case ServicePriceRecorded():
            return ServiceRow(
                tenant=fact.tenant,
                service_id=event.service_id,
                branch_id=event.branch_id,
                department=event.department,
                name=event.name,
                price=event.price,
                scope=event.scope,
                withdrawn=False,
            )
        case ServicePriceWithdrawn():
            return row and replace(row, withdrawn=True)


VIEW = View(
    name="price_list",
    version=2,
    row=ServiceRow,
    key=("tenant", "service_id"),
    events=dict.fromkeys(
        (ServicePriceRecorded, ServicePriceWithdrawn),
        lambda event, fact: [(fact.tenant, event.service_id)],
    ),
    project=project,
)


async def by_ids(
    db: Queries, tenant: str, service_ids: Collection[ServiceId]
) -> dict[ServiceId, ServiceRow]:
    rows = await db.some(VIEW, ((tenant, service_id) for service_id in service_ids))
    return {row.service_id: row for row in rows.values()}
