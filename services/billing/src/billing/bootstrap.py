"""Composition root of billing: builders for the API and the worker, read from top to bottom."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from typing import Any, Final

import asyncpg
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
from billing.timers import DEADLINES, TIMERS
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore
from messaging import Bus, Inbox, Relay, Runnable, Watch, bus_consumer, own_consumer
from messaging.postgres import PostgresBus, PostgresInbox
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.errors import KeyUnavailable
from privacy.http import HttpKeyring
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import ProjectionRunner, Queries, View, Views, create_views
from service_kit.app import create_app
from service_kit.clock import Clock
from service_kit.database import open_pool
from service_kit.errors import Unavailable
from service_kit.flows import Flows
from service_kit.http import Patience, ProviderClient, open_service_tokens
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from timers import TimerWorker

__all__ = [
    "CODEC",
    "VIEWS",
    "build_api",
    "build_billing",
    "build_flows",
    "describe",
    "open_billing",
]

PRICE_LISTS: Final = Codec(price_list_events.STORED_NAMES)
INVOICES: Final = Codec(invoice_events.STORED_NAMES)
PAYMENTS: Final = Codec(payment_events.STORED_NAMES)
REFUNDS: Final = Codec(refund_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(PRICE_LISTS, INVOICES, PAYMENTS, REFUNDS, POLICY_CODEC)
VIEWS: Final[tuple[View[Any], ...]] = (
    prices.VIEW,
    invoice_rows.VIEW,
    payment_rows.VIEW,
    refund_rows.VIEW,
    TIMERS,
)
PROCESSES: Final = (collection.PROCESS, giving_back.PROCESS)
RETRYABLE: Final = (Unavailable, KeyUnavailable)


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


def build_flows(
    billing: Billing,
    store: EventStore,
    bus: Bus,
    inbox: Inbox,
    clock: Clock,
    watch: Watch | None = None,
) -> Mapping[str, Runnable]:
    """Everything that moves events: out, in, and from one stream to the next."""
    processes = {
        f"process_{process.name}": own_consumer(
            service="billing",
            process=process,
            store=store,
            codec=CODEC,
            app=billing,
            inbox=inbox,
            watch=watch,
            clock=clock,
            retryable=RETRYABLE,
        )
        for process in PROCESSES
    }
    return {
        "relay": Relay(
            service="billing",
            store=store,
            codec=CODEC,
            publish=publish,
            bus=bus,
            topic=BILLING_EVENTS,
            inbox=inbox,
            watch=watch,
        ),
        "inbox_booking": bus_consumer(
            service="billing",
            topic=BOOKING_EVENTS,
            handlers=booking.HANDLERS,
            app=billing,
            bus=bus,
            inbox=inbox,
            watch=watch,
            clock=clock,
            retryable=RETRYABLE,
        ),
        **processes,
    }


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
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(settings.database_url, application_name="billing", max_size=16)
        )
        bus_pool = await stack.enter_async_context(
            open_pool(settings.bus_url, application_name="billing")
        )
        kit.health.add("database", lambda: _ask(pool))
        kit.health.add("bus", lambda: _ask(bus_pool), required=False)
        await create_views(pool, VIEWS)
        store = await PostgresEventStore.open(pool)
        stack.push_async_callback(store.close)
        bus, inbox = await PostgresBus.open(bus_pool), await PostgresInbox.open(pool)
        stack.push_async_callback(bus.close)
        stack.push_async_callback(inbox.close)
        tokens = await stack.enter_async_context(open_service_tokens(settings, kit))
        keys_client = await stack.enter_async_context(httpx.AsyncClient())
        keyring = HttpKeyring(
            keys_client, identity_url=settings.identity_url, service_token=tokens.of("identity")
        )
        client = await stack.enter_async_context(
            ProviderClient.open("yookassa", settings.yookassa_url)
        )
        kit.health.add("yookassa", client.check, required=False)

        policies = PolicyBook(store, BillingPolicies, service="billing")
        provider = YooKassa(client, _profiles(settings))
        billing = build_billing(store, provider, Sealers(keyring), policies)
        watch = Flows("billing", kit.health)
        runner = ProjectionRunner(pool, store, CODEC, VIEWS, clock=kit.clock, observe=watch.observe)
        flows = build_flows(billing, store, bus, inbox, kit.clock, watch)
        timers = TimerWorker(
            pool, TIMERS, DEADLINES, app=billing, service="billing", clock=kit.clock
        )
        yield Parts(
            api=build_api(
                kit,
                billing,
                policies,
                build_gate(settings),
                views=Views(pool, VIEWS, runner=runner),
                queries=Queries(pool),
                redirect_wait_seconds=settings.redirect_wait_seconds,
            ),
            tasks={
                "views": runner.run,
                "timers": timers.run,
                "flows": watch.watching(runner, inbox, timers),
                **{name: flow.run for name, flow in flows.items()},
            },
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


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")
