"""Where the provider sends its notifications."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from billing.api.access import ACCESS
from billing.api.dependencies import BillingDep, GateDep
from billing.application.paying import follow_hint
from service_kit.access import Caller
from service_kit.problems import NotFound
from vocabulary.errors import InvalidValue
from vocabulary.ids import TenantId, tenant_id

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/callbacks", tags=["callbacks"])


@router.post("/yookassa/{tenant}")
async def receive_notification(
    request: Request,
    tenant: str,
    billing: BillingDep,
    gate: GateDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("receive_notification"))],
) -> None:
    """For YooKassa alone. A notification is believed nothing: the payment that it names is asked for at YooKassa.

    Repeated, delayed, reordered and forged notifications are therefore harmless. Answers 200 when there is nothing
    more to say, 503 when YooKassa itself could not be asked, so that it sends the notification again.
    """
    gate.require(request)
    where = caller.within(_served(billing, tenant))
    hint = billing.provider.read_hint(await request.body())
    if hint is not None:
        await follow_hint(billing, hint, where.context())


def _served(billing: BillingDep, tenant: str) -> TenantId:
    try:
        known = tenant_id(tenant)
    except InvalidValue:
        raise NotFound from None
    if not billing.provider.serves(known):
        raise NotFound
    return known
