"""What spans streams while somebody waits: the way to the provider's page, and what a notification leads to."""

import asyncio

import msgspec

from billing.application import Billing
from billing.application.checks import CheckRefund, Payments
from billing.application.ports import Hint
from billing.domain.payment.state import Open, Payment, Unknown
from billing.domain.refund import state as refund
from event_store import CommandContext
from vocabulary.ids import PaymentId

__all__ = ["await_redirect", "follow_hint"]


async def await_redirect(
    payments: Payments, tenant: str, payment_id: PaymentId, *, seconds: float
) -> Payment:
    """The payment once the provider has taken or refused it, or as it is when the time is up."""
    pause, state = 0.01, (await payments.load(tenant=tenant, key=payment_id))[0]
    try:
        async with asyncio.timeout(seconds):
            while isinstance(state, Unknown) or (
                isinstance(state, Open) and state.confirmation_url is None
            ):
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.1)
                state, _ = await payments.load(tenant=tenant, key=payment_id)
    except TimeoutError:
        pass
    return state


async def follow_hint(billing: Billing, hint: Hint, context: CommandContext) -> None:
    """Ask the provider about the payment that a notification names, and take over what it says (BIL-16).

    Notifications about payments that are not ours are passed over. Raises Unavailable.
    """
    tenant = context.metadata.tenant
    found = await billing.provider.payment(tenant, hint.provider_payment_id)
    if found is None or found.payment_id is None:
        return
    state, _ = await billing.payments.load(tenant=tenant, key=found.payment_id)
    if isinstance(state, Unknown):
        return
    # It is not the sender of the hint who decides, but billing, which has looked.
    metadata = msgspec.structs.replace(
        context.metadata,
        actor="service:billing",
        role="service",
        subject=str(state.payment.patient_id),
        correlation=found.correlation or context.metadata.correlation,
    )
    looked = CommandContext(command_id=context.command_id, metadata=metadata)
    await billing.payment_checks.settle(found, key=found.payment_id, context=looked)
    refunding, _ = await billing.refunds.load(tenant=tenant, key=found.payment_id)
    if not isinstance(refunding, refund.Unknown):
        check = CheckRefund(now=metadata.time)
        await billing.refund_checks.handle(check, key=found.payment_id, context=looked)
