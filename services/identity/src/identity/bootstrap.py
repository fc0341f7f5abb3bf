"""Identity, put together."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI

from contracts.topics import IDENTITY_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.memory import MemoryEventStore
from identity.adapters.argon2_passwords import Argon2Cost, Argon2Passwords
from identity.adapters.key_chest import PostgresSigningKeys, kept_root_secret
from identity.adapters.live_sessions import LiveSessionVerifier
from identity.adapters.secrets import derived_secrets
from identity.api import keys, me, organisations, registrations, sessions
from identity.api.access import ACCESS
from identity.api.dependencies import Desk
from identity.api.problems import PROBLEMS
from identity.application import Identity
from identity.application.ports import KeyWrapping, SigningKeys
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
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.keyring import Keyring, MasterKeys
from privacy.postgres import MIGRATION as DATA_KEYS
from privacy.postgres import PostgresKeyring
from privacy.sealing import Sealers
from read_models import Queries, View, Views
from service_kit.app import create_app
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.service import Service, open_ground
from service_kit.settings import naming

__all__ = [
    "CODEC",
    "SERVICE",
    "VIEWS",
    "build_api",
    "build_desk",
    "build_identity",
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
SERVICE: Final = Service(
    name="identity",
    codec=CODEC,
    topic=IDENTITY_EVENTS,
    publish=publish,
    views=(profiles.VIEW, ended_sessions.VIEW),
    deadlines=(registration_expiry.DEADLINE,),
    processes=(registration.PROCESS, account_opening.PROCESS),
)
VIEWS: Final[tuple[View[Any], ...]] = SERVICE.all_views


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
    master_keys = _master_keys(settings)
    async with open_ground(SERVICE, settings, kit) as ground:
        pool, store = ground.pool, ground.store
        await pool.execute(DATA_KEYS)
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
            wrapped_keys=(keyring, signing_keys),
            root_secret=await kept_root_secret(pool, master_keys),
        )
        work = ground.work(identity, opener=desk.sealers)
        yield work.parts(
            build_api(kit, identity, policies, desk, views=work.views, queries=ground.queries)
        )


def build_desk(
    settings: IdentitySettings,
    identity: Identity,
    *,
    keyring: Keyring,
    signing_keys: SigningKeys,
    root_secret: bytes,
    wrapped_keys: Sequence[KeyWrapping] = (),
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
        wrapped_keys=wrapped_keys,
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
    with naming(settings, "master_key"):
        return MasterKeys.from_text(settings.master_key.get_secret_value())
