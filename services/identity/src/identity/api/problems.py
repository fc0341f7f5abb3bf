"""Which status each refusal of identity answers with."""

from identity.application.sign_in import InvalidCredentials
from identity.domain.account.errors import AccountNotRequested, UnknownAccount
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.organisation.errors import (
    OrganisationExists,
    UnknownBranch,
    UnknownOrganisation,
)
from identity.domain.session.errors import RefreshRefused
from identity.domain.sign_in_guard.errors import TooManyAttempts
from policies.api import POLICY_PROBLEMS
from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable(
    {
        OrganisationExists: 409,
        UnknownOrganisation: 409,
        UnknownBranch: 409,
        LoginTaken: 409,
        AccountNotRequested: 409,
        UnknownAccount: 404,
        InvalidCredentials: 401,
        RefreshRefused: 401,
        TooManyAttempts: 429,
        **POLICY_PROBLEMS,
    }
)
