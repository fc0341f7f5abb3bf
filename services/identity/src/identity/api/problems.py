"""Which status each refusal of identity answers with."""

from collections.abc import Mapping

from starlette.requests import HTTPConnection

from decider import Rejection
from identity.application.sign_in import InvalidCredentials
from identity.domain.account.errors import AccountNotRequested, UnknownAccount
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.organisation.errors import (
    OrganisationExists,
    UnknownBranch,
    UnknownOrganisation,
    UnknownTenant,
)
from identity.domain.patient.errors import UnknownPatient
from identity.domain.registration_attempt.errors import (
    CodeExpired,
    CodesUsedUp,
    RegistrationOver,
    ResendTooEarly,
    UnknownRegistration,
)
from identity.domain.session.errors import RefreshRefused
from identity.domain.sign_in_guard.errors import TooManyAttempts
from policies.api import POLICY_PROBLEMS
from service_kit.problems import Problem, ProblemTable
from service_kit.requests import kit_of, language_of

__all__ = ["PROBLEMS", "invalid_fields", "later"]

PROBLEMS = ProblemTable(
    {
        OrganisationExists: 409,
        UnknownOrganisation: 409,
        UnknownBranch: 409,
        UnknownTenant: 404,
        LoginTaken: 409,
        AccountNotRequested: 409,
        UnknownAccount: 404,
        InvalidCredentials: 401,
        RefreshRefused: 401,
        TooManyAttempts: 429,
        UnknownRegistration: 404,
        RegistrationOver: 409,
        CodeExpired: 422,
        CodesUsedUp: 409,
        ResendTooEarly: 429,
        UnknownPatient: 404,
        **POLICY_PROBLEMS,
    }
)


def invalid_fields(request: HTTPConnection, codes: Mapping[str, str], **facts: object) -> Problem:
    """A request that is filled in wrongly, as the rules see it: field to code."""
    texts, language = kit_of(request).texts, language_of(request)
    problem = Problem(422, "VALIDATION_FAILED", facts=facts)
    problem.errors = [
        {
            "in": "body",
            "field": field,
            "code": code,
            "message": texts.render(f"fields.{code}", language, **facts),
        }
        for field, code in codes.items()
    ]
    return problem


def later(refusal: Rejection, retry_after_seconds: int) -> Problem:
    """A refusal that ends by itself."""
    headers = {"Retry-After": str(retry_after_seconds)}
    return Problem(429, refusal.code, facts=refusal.facts, headers=headers)
