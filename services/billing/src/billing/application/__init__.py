"""The service as its entry points see it: one field for everything that can be asked of it."""

from dataclasses import dataclass

from billing.application.checks import PaymentChecks, RefundChecks
from billing.application.ports import PaymentProvider, Policies
from billing.domain.invoice.commands import InvoiceCommand
from billing.domain.invoice.events import InvoiceEvent
from billing.domain.invoice.state import Invoice
from billing.domain.payment.commands import PaymentCommand
from billing.domain.payment.events import PaymentEvent
from billing.domain.payment.state import Payment
from billing.domain.price_list.commands import PriceListCommand
from billing.domain.price_list.events import PriceListEvent
from billing.domain.price_list.state import PriceList
from billing.domain.refund.commands import RefundCommand
from billing.domain.refund.events import RefundEvent
from billing.domain.refund.state import Refund
from event_store import CommandHandler
from privacy.sealing import Sealers

__all__ = ["Billing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """Keys: price list - branch id, invoice - invoice id, payment and refund - payment id."""

    price_lists: CommandHandler[PriceListCommand, PriceList, PriceListEvent]
    invoices: CommandHandler[InvoiceCommand, Invoice, InvoiceEvent]
    payments: CommandHandler[PaymentCommand, Payment, PaymentEvent]
    refunds: CommandHandler[RefundCommand, Refund, RefundEvent]
    payment_checks: PaymentChecks
    refund_checks: RefundChecks
    provider: PaymentProvider
    policies: Policies
    sealers: Sealers
