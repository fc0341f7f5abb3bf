"""Looking at the provider: the only proof of money. Timers, notifications and returning payers all end here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import uuid5

import msgspec

from billing.application.ports import (
    Judgement,
    PaymentProvider,
    Policies,
    ProviderPayment,
    ProviderRefund,
    RefundOrder,
    Refused,
)
from billing.domain.payment import state as payment
from billing.domain.payment.commands import (
    CancelPayment,
    ConfirmPayment,
    ExpirePayment,
    FailPayment,
    PaymentCommand,
    RegisterProviderPayment,
)
from billing.domain.payment.errors import PaymentNotFound
from billing.domain.payment.events import PaymentEvent
from billing.domain.policies import BillingPolicies
from billing.domain.refund import state as refund
from billing.domain.refund.commands import (
    ConfirmRefund,
    EscalateRefund,
    FailRefund,
    RefundCommand,
    RegisterProviderRefund,
)
from billing.domain.refund.errors import RefundNotFound
from billing.domain.refund.events import RefundEvent
from event_store import CommandContext, CommandHandler

__all__ = [
    "CheckPayment",
    "CheckRefund",
    "PaymentChecks",
    "Payments",
    "RefundChecks",
    "Refunds",
    "governed",
]

Payments: TypeAlias = CommandHandler[PaymentCommand, payment.Payment, PaymentEvent]
Refunds: TypeAlias = CommandHandler[RefundCommand, refund.Refund, RefundEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPayment:
    """Ask the provider how this payment stands."""

    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRefund:
    """Bring the current try of this refund on its way, or ask the provider how it stands."""

    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChecks:
    """Brings a payment to what the provider says of it. Every method may raise Unavailable."""

    payments: Payments
    provider: PaymentProvider

    async def handle(
        self, command: CheckPayment, *, key: object, context: CommandContext
    ) -> payment.Payment:
        """The payment after the look. Raises PaymentNotFound."""
        tenant = context.metadata.tenant
        state, _ = await self.payments.load(tenant=tenant, key=key)
        if isinstance(state, payment.Unknown):
            raise PaymentNotFound
        if isinstance(state, payment.Succeeded):
            return state
        known = state.provider_payment_id
        found = None if known is None else await self.provider.payment(tenant, known)
        if found is None:
            return await self._send(ExpirePayment(now=command.now), "expire", key, context)
        return await self.settle(found, key=key, context=context)

    async def settle(
        self, found: ProviderPayment, *, key: object, context: CommandContext
    ) -> payment.Payment:
        """Take over what the provider has just said."""
        if found.confirmation_url is not None:
            register = RegisterProviderPayment(
                provider_payment_id=found.provider_payment_id,
                confirmation_url=found.confirmation_url,
            )
            await self._send(register, "register", key, context)
        return await self._send(_verdict(found, context.metadata.time), "verdict", key, context)

    async def _send(
        self, command: PaymentCommand, step: str, key: object, context: CommandContext
    ) -> payment.Payment:
        handled = await self.payments.handle(command, key=key, context=_step(context, step))
        return handled.state


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundChecks:
    """Brings a refund on its way and to its end. Every method may raise Unavailable."""

    refunds: Refunds
    payments: Payments
    provider: PaymentProvider
    policies: Policies

    async def handle(
        self, command: CheckRefund, *, key: object, context: CommandContext
    ) -> refund.Refund:
        """The refund after the look. Raises RefundNotFound.

        The provider's list of all refunds of the payment is asked first, so that nothing is given back that went
        back already: by an earlier try, or by a person at the provider's own desk (BIL-44).
        """
        tenant = context.metadata.tenant
        state, _ = await self.refunds.load(tenant=tenant, key=key)
        if isinstance(state, refund.Unknown):
            raise RefundNotFound
        if isinstance(state, refund.Succeeded):
            return state
        order = state.order
        provider_payment_id = await self._provider_payment(tenant, key)
        found = [
            each
            for each in await self.provider.refunds_of(tenant, provider_payment_id)
            if each.amount == order.payment.amount
        ]
        done = next((each for each in found if each.judgement is Judgement.DONE), None)
        if done is not None:
            return await self._confirm(done, key, context)
        if not isinstance(state, refund.Trying):
            return state
        if state.provider_refund_id is not None:
            return await self._follow(state, found, command, key, context)
        pending = next((each for each in found if each.judgement is Judgement.PENDING), None)
        answer = pending or await self.provider.give_back(
            tenant,
            RefundOrder(
                key=_idempotence_key(state),
                provider_payment_id=provider_payment_id,
                amount=order.payment.amount,
                description=order.cause.value,
            ),
        )
        return await self._absorb(state, answer, key, context)

    async def _provider_payment(self, tenant: str, key: object) -> str:
        paid, _ = await self.payments.load(tenant=tenant, key=key)
        if not isinstance(paid, payment.Succeeded):
            raise PaymentNotFound
        return paid.provider_payment_id

    async def _follow(
        self,
        state: refund.Trying,
        found: Sequence[ProviderRefund],
        command: CheckRefund,
        key: object,
        context: CommandContext,
    ) -> refund.Refund:
        """The provider had taken this try: it is refused, or still undecided."""
        known = state.provider_refund_id
        ours = next((each for each in found if each.provider_refund_id == known), None)
        if ours is not None and ours.judgement is not Judgement.PENDING:
            return await self._fail(state, ours.reason, key, context)
        escalate = EscalateRefund(attempt=state.attempt, now=command.now)
        return await self._send(escalate, "escalate", key, context)

    async def _absorb(
        self,
        state: refund.Trying,
        answer: ProviderRefund | Refused,
        key: object,
        context: CommandContext,
    ) -> refund.Refund:
        match answer:
            case Refused():
                return await self._fail(state, answer.reason, key, context)
            case ProviderRefund(judgement=Judgement.DONE):
                return await self._confirm(answer, key, context)
            case ProviderRefund(judgement=Judgement.PENDING):
                rules, version = await self._policies(context)
                register = RegisterProviderRefund(
                    attempt=state.attempt,
                    provider_refund_id=answer.provider_refund_id,
                    policies=rules,
                    now=context.metadata.time,
                )
                return await self._send(register, "register", key, governed(context, version))
            case ProviderRefund():
                return await self._fail(state, answer.reason, key, context)

    async def _confirm(
        self, found: ProviderRefund, key: object, context: CommandContext
    ) -> refund.Refund:
        confirm = ConfirmRefund(provider_refund_id=found.provider_refund_id, amount=found.amount)
        return await self._send(confirm, "confirm", key, context)

    async def _fail(
        self, state: refund.Trying, reason: str | None, key: object, context: CommandContext
    ) -> refund.Refund:
        rules, version = await self._policies(context)
        fail = FailRefund(
            attempt=state.attempt,
            reason=reason or "refused",
            policies=rules,
            now=context.metadata.time,
        )
        return await self._send(fail, "fail", key, governed(context, version))

    async def _send(
        self, command: RefundCommand, step: str, key: object, context: CommandContext
    ) -> refund.Refund:
        handled = await self.refunds.handle(command, key=key, context=_step(context, step))
        return handled.state

    async def _policies(self, context: CommandContext) -> tuple[BillingPolicies, int]:
        return await self.policies.at(context.metadata.tenant, context.metadata.time)


def governed(context: CommandContext, version: int) -> CommandContext:
    """The same command with the version of the policies that it was decided by (OPS-15)."""
    metadata = msgspec.structs.replace(context.metadata, policy=version)
    return msgspec.structs.replace(context, metadata=metadata, expected_revision=None)


def _verdict(found: ProviderPayment, now: datetime) -> PaymentCommand:
    match found.judgement:
        case Judgement.DONE:
            return ConfirmPayment(
                provider_payment_id=found.provider_payment_id,
                amount=found.amount,
                paid_at=found.paid_at or now,
            )
        case Judgement.REFUSED:
            return FailPayment(reason=found.reason or "refused")
        case Judgement.CALLED_OFF:
            return CancelPayment(reason=found.reason or "called_off")
        case Judgement.TIMED_OUT:
            return ExpirePayment(now=now, closed_by_provider=True)
        case Judgement.PENDING:
            return ExpirePayment(now=now)


def _idempotence_key(state: refund.Trying) -> str:
    """The refund's id for its first try; a try after a refusal needs another key."""
    first = str(state.order.refund_id)
    return first if state.attempt == 1 else f"{first}-{state.attempt}"


def _step(context: CommandContext, word: str) -> CommandContext:
    step = uuid5(context.command_id, word)
    return msgspec.structs.replace(context, command_id=step, expected_revision=None)
