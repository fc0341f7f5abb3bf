"""Prices, as others may know them."""

from billing.domain.price_list import events as private
from contracts.billing import PricePublished, PriceWithdrawn
from contracts.fact import PublicEvent

__all__ = ["publish"]


def publish(event: private.PriceListEvent) -> PublicEvent:
    if isinstance(event, private.PriceWithdrawn):
        return PriceWithdrawn(service_id=event.service_id, branch_id=event.branch_id)
    return PricePublished(
        service_id=event.service_id,
        branch_id=event.branch_id,
        department=event.department,
        code=event.code,
        name=event.name,
        price_kopecks=event.price.kopecks,
        clinician_ids=event.scope.clinician_ids,
        specialties=event.scope.specialties,
        kinds=event.scope.kinds,
    )
