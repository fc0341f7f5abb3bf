"""What routes are handed."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from notifications.application.ports import Policies
from notifications.application.wording import Wording
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Denied

__all__ = ["PoliciesDep", "QueriesDep", "WordingDep", "the_person"]


async def queries_of(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


async def policies_of(request: Request) -> Policies:
    policies: Policies = request.app.state.policies
    return policies


async def wording_of(request: Request) -> Wording:
    wording: Wording = request.app.state.wording
    return wording


QueriesDep = Annotated[Queries, Depends(queries_of)]
PoliciesDep = Annotated[Policies, Depends(policies_of)]
WordingDep = Annotated[Wording, Depends(wording_of)]


def the_person(caller: Caller) -> UUID:
    """Whose feed it is: the one of the role that let the caller in."""
    person = caller.patient_id if caller.role == "patient" else caller.clinician_id
    if person is None:
        raise Denied("NOT_YOURS")
    return person
