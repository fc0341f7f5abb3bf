"""What billing needs of the outside, in its own words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from billing.domain.details import InvoiceLine
from billing.domain.policies import BillingPolicies
from vocabulary.ids import PaymentId
from vocabulary.money import Money

__all__ = [
    "Hint",
    "Judgement",
    "PaymentOrder",
    "PaymentProvider",
    "Policies",
    "ProviderPayment",
    "ProviderRefund",
    "RefundOrder",
    "Refused",
]


class Judgement(StrEnum):
    """Where a payment or a refund stands at the provider; all but the first are for ever."""

    PENDING = "PENDING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    CALLED_OFF = "CALLED_OFF"
    """By the clinic itself."""
    TIMED_OUT = "TIMED_OUT"
    """The provider waited for the payer in vain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """A payment to ask for: one step, the whole amount, with what its receipt needs (54-FZ)."""

    payment_id: PaymentId
    invoice_id: UUID
    correlation: UUID
    amount: Money
    number: str
    lines: Sequence[InvoiceLine]
    vat_code: int
    return_url: str
    receipt_email: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """A payment as the provider tells it. `payment_id` and `correlation` are what we gave it to keep."""

    provider_payment_id: str
    judgement: Judgement
    amount: Money
    payment_id: PaymentId | None = None
    correlation: UUID | None = None
    confirmation_url: str | None = None
    paid_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """A refund of the whole of a payment; a try that was refused is repeated under another key."""

    key: str
    provider_payment_id: str
    amount: Money
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """A refund as the provider tells it."""

    provider_refund_id: str
    provider_payment_id: str
    judgement: Judgement
    amount: Money
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider will never do this under this key."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Which payment a notification may be about. It proves nothing: the provider is asked (BIL-15, BIL-16)."""

    provider_payment_id: str


class PaymentProvider(Protocol):
    """Takes money from people and gives it back.

    Every call may raise `service_kit.errors.Unavailable`: the outcome is unknown, and the same call again is
    harmless and helps.
    """

    def serves(self, tenant: str) -> bool:
        """Whether the tenant can take money online."""
        ...

    async def ask(self, tenant: str, order: PaymentOrder) -> ProviderPayment | Refused:
        """Ask for a payment; the same payment id gives the same payment."""
        ...

    async def payment(self, tenant: str, provider_payment_id: str) -> ProviderPayment | None:
        """A payment as it is now; None when the tenant has no such payment."""
        ...

    async def give_back(self, tenant: str, order: RefundOrder) -> ProviderRefund | Refused:
        """Give the money back; the same key gives the same refund."""
        ...

    async def refunds_of(self, tenant: str, provider_payment_id: str) -> Sequence[ProviderRefund]:
        """Every refund of a payment, whoever made it."""
        ...

    def read_hint(self, body: bytes) -> Hint | None:
        """What a notification may be about; None when it is about nothing of ours."""
        ...


class Policies(Protocol):
    """The tenant's policies in force."""

    async def at(self, tenant: str, instant: datetime) -> tuple[BillingPolicies, int]:
        """The policies at an instant, and their version."""
        ...
