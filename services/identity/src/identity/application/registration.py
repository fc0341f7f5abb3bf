"""Registering: what is typed is sealed here and goes on as commands."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid5

from event_store import CommandContext, Handled
from identity.application import Identity
from identity.application.contexts import about, step
from identity.application.logins import TypedLogin
from identity.application.ports import Passwords, Secrets
from identity.domain.organisation.state import KEY, expect_tenant
from identity.domain.passwords import PasswordFault, password_fault
from identity.domain.people import Consent, Login, LoginKind, PatientProfile
from identity.domain.policies import IdentityPolicies
from identity.domain.registration_attempt.commands import (
    AbandonRegistration,
    ConfirmRegistration,
    RegistrationAttemptCommand,
    ReissueCode,
    StartRegistration,
)
from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from identity.domain.registration_attempt.errors import RegistrationOver, UnknownRegistration
from identity.domain.registration_attempt.events import RegistrationAttemptEvent
from identity.domain.registration_attempt.state import (
    AwaitingCode,
    Closed,
    Confirmed,
    Registered,
    RegistrationAttempt,
)
from identity.domain.sign_in_guard.commands import BeginSignIn
from privacy.sealing import Sealer, Sealers
from vocabulary.email import Email
from vocabulary.ids import AccountId, PatientId, TenantId
from vocabulary.people import FullName, Sex
from vocabulary.phone import Phone

__all__ = ["PasswordRefused", "Registrar", "TypedCard"]

Answer = Handled[RegistrationAttempt, RegistrationAttemptEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCard:
    """The form of the first step, in the words of the vocabulary."""

    name: FullName
    birth_date: date
    sex: Sex
    email: Email | None
    phone: Phone | None
    login: TypedLogin
    language: str
    consents: tuple[Consent, ...]


class PasswordRefused(Exception):
    """The password may not be used; the attempt stays where it is."""

    def __init__(self, fault: PasswordFault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """The steps of a registration."""

    identity: Identity
    secrets: Secrets
    passwords: Passwords
    sealers: Sealers

    async def start(
        self, card: TypedCard, *, rules: IdentityPolicies, context: CommandContext
    ) -> Answer:
        """Keep the form, sealed for the patient to be, and have a code sent; the attempt's id is the command's.

        Raises UnknownTenant, and TooManyAttempts: nobody floods a stranger's mailbox or telephone with codes.
        """
        organisation, _ = await self.identity.organisations.load(
            tenant=context.metadata.tenant, key=KEY
        )
        expect_tenant(organisation)
        now, attempt_id = context.metadata.time, context.command_id
        contact = f"registration:{card.login.key}"
        await self.identity.sign_in_guards.handle(
            BeginSignIn(
                attempt_id=attempt_id,
                now=now,
                limit=rules.registrations_per_contact,
                window=timedelta(minutes=rules.registration_ttl_minutes),
            ),
            key=contact,
            context=step(context, f"begin {contact}"),
        )
        details = await self._details(card, attempt_id, rules, context)
        command = StartRegistration(
            details=details, code=await self._new_code(details, context), now=now
        )
        return await self._handle(command, details, context)

    async def send_another_code(self, attempt_id: UUID, *, context: CommandContext) -> Answer:
        """Have another code sent; raises what the rules say."""
        details = await self._known(attempt_id, context)
        command = ReissueCode(
            request_id=context.command_id,
            code=await self._new_code(details, context),
            now=context.metadata.time,
        )
        return await self._handle(command, details, context)

    async def confirm(
        self,
        attempt_id: UUID,
        *,
        code: str,
        password: str,
        rules: IdentityPolicies,
        context: CommandContext,
    ) -> Answer:
        """Enter a code with a password; raises PasswordRefused before the code is looked at."""
        details = await self._known(attempt_id, context)
        sealer = self._sealer(context)
        fault = password_fault(
            password,
            login=await sealer.open(details.login.value),
            min_length=rules.password_min_length,
        )
        if fault is not None:
            raise PasswordRefused(fault)
        command = ConfirmRegistration(
            entry_id=context.command_id,
            code_hash=self.secrets.hashes.code(attempt_id, code),
            password=await sealer.seal(
                details.profile.patient_id, "password", await self.passwords.conceal(password)
            ),
            now=context.metadata.time,
        )
        return await self._handle(command, details, context)

    async def abandon(self, attempt_id: UUID, *, context: CommandContext) -> Answer:
        """Cancel; what is over already stays as it is, or is refused."""
        state, _ = await self.identity.registrations.load(
            tenant=context.metadata.tenant, key=attempt_id
        )
        if isinstance(state, AwaitingCode | Confirmed | Registered):
            context = about(context, state.details.profile.patient_id)
        return await self.identity.registrations.handle(
            AbandonRegistration(), key=attempt_id, context=context
        )

    async def _handle(
        self,
        command: RegistrationAttemptCommand,
        details: RegistrationDetails,
        context: CommandContext,
    ) -> Answer:
        return await self.identity.registrations.handle(
            command, key=details.attempt_id, context=about(context, details.profile.patient_id)
        )

    async def _known(self, attempt_id: UUID, context: CommandContext) -> RegistrationDetails:
        state, _ = await self.identity.registrations.load(
            tenant=context.metadata.tenant, key=attempt_id
        )
        match state:
            case AwaitingCode() | Confirmed() | Registered():
                return state.details
            case Closed():
                raise RegistrationOver(closure=state.closure)
            case _:
                raise UnknownRegistration

    async def _details(
        self,
        card: TypedCard,
        attempt_id: UUID,
        rules: IdentityPolicies,
        context: CommandContext,
    ) -> RegistrationDetails:
        patient_id = PatientId(uuid5(attempt_id, "patient"))
        typed = {
            "last_name": card.name.last,
            "first_name": card.name.first,
            "patronymic": card.name.patronymic,
            "birth_date": card.birth_date.isoformat(),
            "email": card.email,
            "phone": card.phone,
        }
        given = {field: value for field, value in typed.items() if value is not None}
        sealed = await self._sealer(context).seal_all(patient_id, given)
        profile = PatientProfile(
            patient_id=patient_id,
            last_name=sealed["last_name"],
            first_name=sealed["first_name"],
            patronymic=sealed.get("patronymic"),
            birth_date=sealed["birth_date"],
            sex=card.sex,
            email=sealed.get("email"),
            phone=sealed.get("phone"),
        )
        contact = "email" if card.login.kind is LoginKind.EMAIL else "phone"
        return RegistrationDetails(
            attempt_id=attempt_id,
            account_id=AccountId(uuid5(attempt_id, "account")),
            profile=profile,
            login=Login(kind=card.login.kind, lookup=card.login.lookup, value=sealed[contact]),
            language=card.language,
            consents=card.consents,
            closes_at=context.metadata.time + timedelta(minutes=rules.registration_ttl_minutes),
            wrong_codes_allowed=rules.code_attempts,
            codes_allowed=rules.code_limit,
            resend_seconds=rules.code_resend_seconds,
            code_minutes=rules.code_ttl_minutes,
        )

    async def _new_code(self, details: RegistrationDetails, context: CommandContext) -> IssuedCode:
        code = self.secrets.new_code()
        return IssuedCode(
            code=await self._sealer(context).seal(details.profile.patient_id, "code", code),
            code_hash=self.secrets.hashes.code(details.attempt_id, code),
        )

    def _sealer(self, context: CommandContext) -> Sealer:
        return self.sealers.of(TenantId(context.metadata.tenant))
