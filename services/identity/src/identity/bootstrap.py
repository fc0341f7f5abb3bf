"""Identity, put together."""

import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI

from contracts.topics import IDENTITY_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore
from identity.adapters.argon2_passwords import Argon2Cost, Argon2Passwords
from identity.adapters.key_chest import PostgresSigningKeys, kept_root_secret
from identity.adapters.live_sessions import LiveSessionVerifier
from identity.adapters.secrets import derived_secrets
from identity.api import keys, me, organisations, registrations, sessions
from identity.api.access import ACCESS
from identity.api.dependencies import Desk
from identity.api.problems import PROBLEMS
from identity.application import Identity
from identity.application.ports import SigningKeys
from identity.application.processes import account_opening, registration
from identity.application.registration import Registrar
from identity.application.sign_in import SignIn
from identity.application.tokens import TokenOffice
from identity.domain.account import events as account_events
from identity.domain.account.decider import ACCOUNT
from identity.domain.clinician import events as clinician_events
from identity.domain.clinician.decider import CLINICIAN
from identity.domain.identifier_reservation import events as identifier_events
from identity.domain.identifier_reservation.decider import IDENTIFIER_RESERVATION
from identity.domain.organisation import events as organisation_events
from identity.domain.organisation.decider import ORGANISATION
from identity.domain.patient import events as patient_events
from identity.domain.patient.decider import PATIENT
from identity.domain.policies import IdentityPolicies
from identity.domain.registration_attempt import events as registration_events
from identity.domain.registration_attempt.decider import REGISTRATION_ATTEMPT
from identity.domain.session import events as session_events
from identity.domain.session.decider import SESSION
from identity.domain.sign_in_guard import events as guard_events
from identity.domain.sign_in_guard.decider import SIGN_IN_GUARD
from identity.domain.signing_keys import Rotation
from identity.publishing import publish
from identity.read_models import ended_sessions, profiles
from identity.settings import IdentitySettings
from identity.timers import registration_expiry
from messaging import Bus, Inbox, Relay, Runnable, Watch, own_consumer
from messaging.postgres import PostgresBus, PostgresInbox
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.keyring import Keyring, MasterKeys
from privacy.postgres import MIGRATION as DATA_KEYS
from privacy.postgres import PostgresKeyring
from privacy.sealing import Sealers
from read_models import ProjectionRunner, Queries, View, Views, create_views
from service_kit.app import create_app
from service_kit.clock import Clock
from service_kit.database import migrate, open_pool
from service_kit.errors import ConfigurationError
from service_kit.flows import Flows
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from timers import TimerWorker, timers_view

__all__ = [
    "CODEC",
    "VIEWS",
    "build_api",
    "build_desk",
    "build_identity",
    "build_processes",
    "build_relay",
    "describe",
    "open_identity",
]

ORGANISATIONS: Final = Codec(organisation_events.STORED_NAMES)
CLINICIANS: Final = Codec(clinician_events.STORED_NAMES)
IDENTIFIERS: Final = Codec(identifier_events.STORED_NAMES)
ACCOUNTS: Final = Codec(account_events.STORED_NAMES)
SESSIONS: Final = Codec(session_events.STORED_NAMES)
SIGN_IN_GUARDS: Final = Codec(guard_events.STORED_NAMES)

REGISTRATIONS: Final = Codec(registration_events.STORED_NAMES)
PATIENTS: Final = Codec(patient_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(
    ORGANISATIONS,
    CLINICIANS,
    REGISTRATIONS,
    PATIENTS,
    IDENTIFIERS,
    ACCOUNTS,
    SESSIONS,
    SIGN_IN_GUARDS,
    POLICY_CODEC,
)
DEADLINES: Final = (registration_expiry.DEADLINE,)
TIMERS: Final = timers_view(DEADLINES)
VIEWS: Final[tuple[View[Any], ...]] = (profiles.VIEW, ended_sessions.VIEW, TIMERS)
PROCESSES: Final = (registration.PROCESS, account_opening.PROCESS)


def build_identity(store: EventStore) -> Identity:
    """The aggregates over a store; the last argument of each is the category of its streams."""
    return Identity(
        organisations=CommandHandler(store, ORGANISATION, ORGANISATIONS, "organisation"),
        clinicians=CommandHandler(store, CLINICIAN, CLINICIANS, "clinician"),
        registrations=CommandHandler(
            store, REGISTRATION_ATTEMPT, REGISTRATIONS, "registration-attempt"
        ),
        patients=CommandHandler(store, PATIENT, PATIENTS, "patient"),
        identifiers=CommandHandler(
            store, IDENTIFIER_RESERVATION, IDENTIFIERS, "identifier-reservation"
        ),
        accounts=CommandHandler(store, ACCOUNT, ACCOUNTS, "account"),
        sessions=CommandHandler(store, SESSION, SESSIONS, "session"),
        sign_in_guards=CommandHandler(store, SIGN_IN_GUARD, SIGN_IN_GUARDS, "sign-in-guard"),
    )


def build_api(
    kit: Kit,
    identity: Identity,
    policies: PolicyBook[IdentityPolicies],
    desk: Desk | None,
    *,
    views: Views | None = None,
    queries: Queries | None = None,
) -> FastAPI:
    return create_app(
        kit,
        routers=[
            registrations.router,
            sessions.router,
            me.router,
            keys.router,
            organisations.router,
            policies_router("identity"),
        ],
        access=ACCESS,
        problems=PROBLEMS,
        views=views,
        state={"identity": identity, "desk": desk, "policies": policies, "queries": queries},
    )


def build_relay(store: EventStore, bus: Bus, inbox: Inbox, watch: Watch | None = None) -> Relay:
    return Relay(
        service="identity",
        store=store,
        codec=CODEC,
        publish=publish,
        bus=bus,
        topic=IDENTITY_EVENTS,
        inbox=inbox,
        watch=watch,
    )


def build_processes(
    identity: Identity,
    store: EventStore,
    inbox: Inbox,
    clock: Clock,
    watch: Watch | None = None,
) -> Mapping[str, Runnable]:
    return {
        process.name: own_consumer(
            service="identity",
            process=process,
            store=store,
            codec=CODEC,
            app=identity,
            inbox=inbox,
            watch=watch,
            clock=clock,
        )
        for process in PROCESSES
    }


def describe() -> FastAPI:
    """The API without any resource, for its documents."""
    store = MemoryEventStore()
    policies = PolicyBook(store, IdentityPolicies, service="identity")
    return build_api(describing_kit("identity"), build_identity(store), policies, None)


def rotation_of(settings: IdentitySettings) -> Rotation:
    return Rotation(
        period=timedelta(days=settings.signing_key_days),
        lead=timedelta(minutes=settings.signing_key_lead_minutes),
        token_life=timedelta(minutes=settings.access_token_minutes),
    )


@asynccontextmanager
async def open_identity(settings: IdentitySettings, kit: Kit) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        master_keys = _master_keys(settings)
        pool = await stack.enter_async_context(
            open_pool(settings.database_url, application_name="identity", max_size=16)
        )
        bus_pool = await stack.enter_async_context(
            open_pool(settings.bus_url, application_name="identity")
        )
        kit.health.add("database", lambda: _ask(pool))
        kit.health.add("bus", lambda: _ask(bus_pool), required=False)
        await migrate(pool, "identity")
        await pool.execute(DATA_KEYS)
        await create_views(pool, VIEWS)
        store = await PostgresEventStore.open(pool)
        stack.push_async_callback(store.close)
        bus, inbox = await PostgresBus.open(bus_pool), await PostgresInbox.open(pool)
        stack.push_async_callback(bus.close)
        stack.push_async_callback(inbox.close)

        identity = build_identity(store)
        policies = PolicyBook(store, IdentityPolicies, service="identity")
        signing_keys = PostgresSigningKeys(pool, master_keys, rotation_of(settings), kit.clock)
        kit = dataclasses.replace(
            kit,
            tokens=LiveSessionVerifier(
                identity.sessions, service="identity", keys=signing_keys, clock=kit.clock
            ),
        )
        keyring = PostgresKeyring(pool, master_keys)
        desk = build_desk(
            settings,
            identity,
            keyring=keyring,
            signing_keys=signing_keys,
            root_secret=await kept_root_secret(pool, master_keys),
        )
        watch = Flows("identity", kit.health)
        runner = ProjectionRunner(
            pool, store, CODEC, VIEWS, opener=desk.sealers, clock=kit.clock, observe=watch.observe
        )
        timers = TimerWorker(
            pool, TIMERS, DEADLINES, app=identity, service="identity", clock=kit.clock
        )
        relay = build_relay(store, bus, inbox, watch)
        processes = build_processes(identity, store, inbox, kit.clock, watch)
        yield Parts(
            api=build_api(
                kit,
                identity,
                policies,
                desk,
                views=Views(pool, VIEWS, runner=runner),
                queries=Queries(pool),
            ),
            tasks={
                "views": runner.run,
                "relay": relay.run,
                "timers": timers.run,
                "flows": watch.watching(runner, inbox, timers),
            }
            | {f"process:{name}": process.run for name, process in processes.items()},
        )


def build_desk(
    settings: IdentitySettings,
    identity: Identity,
    *,
    keyring: Keyring,
    signing_keys: SigningKeys,
    root_secret: bytes,
) -> Desk:
    sealers, secrets = Sealers(keyring), derived_secrets(root_secret)
    passwords = Argon2Passwords(
        Argon2Cost(
            memory_kib=settings.argon2_memory_kib,
            passes=settings.argon2_passes,
            lanes=settings.argon2_lanes,
        ),
        at_once=settings.argon2_at_once,
    )
    return Desk(
        keyring=keyring,
        sealers=sealers,
        secrets=secrets,
        passwords=passwords,
        tokens=TokenOffice(
            signing_keys,
            secrets.refresh_tokens,
            life=timedelta(minutes=settings.access_token_minutes),
        ),
        signing_keys=signing_keys,
        sign_in=SignIn(
            identity=identity,
            passwords=passwords,
            sealers=sealers,
            session_life=timedelta(days=settings.session_days),
        ),
        registrar=Registrar(
            identity=identity, secrets=secrets, passwords=passwords, sealers=sealers
        ),
        service_secrets=settings.service_secrets,
        trusted_proxies=settings.trusted_proxies,
        account_wait_seconds=settings.account_wait_seconds,
    )


def _master_keys(settings: IdentitySettings) -> MasterKeys:
    try:
        return MasterKeys.from_text(settings.master_key.get_secret_value())
    except ValueError as wrong:
        raise ConfigurationError(f"IDENTITY_MASTER_KEY: {wrong}") from wrong


async def _ask(pool: Any) -> None:
    await pool.execute("SELECT 1")
