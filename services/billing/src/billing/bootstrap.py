"""Composition root of billing: builders for the API and the worker, read from top to bottom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any, Final

import httpx
from fastapi import FastAPI

from billing.adapters.yookassa import NOTIFICATION_SOURCES, YooKassa, YooKassaProfile
from billing.api import callbacks, invoices, payments, price_lists, refunds
from billing.api.access import ACCESS
from billing.api.dependencies import Gate
from billing.api.problems import PROBLEMS
from billing.application import Billing
from billing.application.checks import PaymentChecks, RefundChecks
from billing.application.ports import PaymentProvider
from billing.application.processes import collection, giving_back
from billing.consumers import booking
from billing.domain.invoice import events as invoice_events
from billing.domain.invoice.decider import INVOICE
from billing.domain.payment import events as payment_events
from billing.domain.payment.decider import PAYMENT
from billing.domain.policies import BillingPolicies
from billing.domain.price_list import events as price_list_events
from billing.domain.price_list.decider import PRICE_LIST
from billing.domain.refund import events as refund_events
from billing.domain.refund.decider import REFUND
from billing.publishing import publish
from billing.read_models import invoices as invoice_rows
from billing.read_models import payments as payment_rows
from billing.read_models import prices
from billing.read_models import refunds as refund_rows
from billing.settings import BillingSettings
from billing.timers import DEADLINES
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.memory import MemoryEventStore
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import Queries, View, Views
from service_kit.app import create_app
from service_kit.http import Patience, ProviderClient
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.service import Service, open_ground, open_sealers

__all__ = [
    "CODEC",
    "SERVICE",
    "VIEWS",
    "build_api",
    "build_billing",
    "describe",
    "open_billing",
]

PRICE_LISTS: Final = Codec(price_list_events.STORED_NAMES)
INVOICES: Final = Codec(invoice_events.STORED_NAMES)
PAYMENTS: Final = Codec(payment_events.STORED_NAMES)
REFUNDS: Final = Codec(refund_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(PRICE_LISTS, INVOICES, PAYMENTS, REFUNDS, POLICY_CODEC)
SERVICE: Final = Service(
    name="billing",
    codec=CODEC,
    topic=BILLING_EVENTS,
    publish=publish,
    views=(prices.VIEW, invoice_rows.VIEW, payment_rows.VIEW, refund_rows.VIEW),
    deadlines=DEADLINES,
    processes=(collection.PROCESS, giving_back.PROCESS),
    hears=((BOOKING_EVENTS, booking.HANDLERS),),
)
VIEWS: Final[tuple[View[Any], ...]] = SERVICE.all_views


def build_billing(
    store: EventStore,
    provider: PaymentProvider,
    sealers: Sealers,
    policies: PolicyBook[BillingPolicies],
) -> Billing:
    """The aggregates over a store; the last argument of each handler is the category of its streams."""
    payments = CommandHandler(store, PAYMENT, PAYMENTS, "payment")
    refunds = CommandHandler(store, REFUND, REFUNDS, "refund")
    return Billing(
        price_lists=CommandHandler(store, PRICE_LIST, PRICE_LISTS, "price-list"),
        invoices=CommandHandler(store, INVOICE, INVOICES, "invoice"),
        payments=payments,
        refunds=refunds,
        payment_checks=PaymentChecks(payments=payments, provider=provider),
        refund_checks=RefundChecks(
            refunds=refunds, payments=payments, provider=provider, policies=policies
        ),
        provider=provider,
        policies=policies,
        sealers=sealers,
    )


def build_api(
    kit: Kit,
    billing: Billing,
    policies: PolicyBook[BillingPolicies],
    gate: Gate,
    *,
    views: Views | None = None,
    queries: Queries | None = None,
    redirect_wait_seconds: float = 5.0,
) -> FastAPI:
    return create_app(
        kit,
        routers=[
            price_lists.router,
            invoices.router,
            payments.router,
            refunds.router,
            callbacks.router,
            policies_router("billing"),
        ],
        access=ACCESS,
        problems=PROBLEMS,
        views=views,
        state={
            "billing": billing,
            "policies": policies,
            "gate": gate,
            "queries": queries,
            "redirect_wait_seconds": redirect_wait_seconds,
        },
    )


def build_gate(settings: BillingSettings) -> Gate:
    published = tuple(ip_network(source) for source in NOTIFICATION_SOURCES)
    return Gate(
        sources=published if settings.callback_sources is None else settings.callback_sources,
        trusted_proxies=settings.trusted_proxies,
    )


def describe() -> FastAPI:
    """The API without any resource, for its documents."""
    store = MemoryEventStore()
    policies = PolicyBook(store, BillingPolicies, service="billing")
    nowhere = ProviderClient("yookassa", httpx.AsyncClient(), Patience())
    provider = YooKassa(nowhere, {})
    billing = build_billing(store, provider, Sealers(MemoryKeyring()), policies)
    return build_api(describing_kit("billing"), billing, policies, Gate(sources=()))


@asynccontextmanager
async def open_billing(settings: BillingSettings, kit: Kit) -> AsyncIterator[Parts]:
    async with (
        open_ground(SERVICE, settings, kit) as ground,
        open_sealers(settings, kit) as (sealers, _),
        ProviderClient.open("yookassa", settings.yookassa_url) as client,
    ):
        kit.health.add("yookassa", client.check, required=False)
        policies = PolicyBook(ground.store, BillingPolicies, service="billing")
        provider = YooKassa(client, _profiles(settings))
        billing = build_billing(ground.store, provider, sealers, policies)
        work = ground.work(billing)
        yield work.parts(
            build_api(
                kit,
                billing,
                policies,
                build_gate(settings),
                views=work.views,
                queries=ground.queries,
                redirect_wait_seconds=settings.redirect_wait_seconds,
            )
        )


def _profiles(settings: BillingSettings) -> dict[str, YooKassaProfile]:
    return {
        tenant: YooKassaProfile(
            shop_id=shop.shop_id,
            secret=shop.secret.get_secret_value(),
            tax_system=shop.tax_system,
        )
        for tenant, shop in settings.yookassa_profiles.items()
    }
