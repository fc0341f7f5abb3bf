"""What routes are handed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from billing.application import Billing
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Denied
from service_kit.requests import Network, is_among, source_of
from vocabulary.ids import PatientId

__all__ = ["BillingDep", "Gate", "GateDep", "QueriesDep", "WaitDep", "the_patient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Lets notifications in by their source address; the last proxy that is not trusted counts as the source."""

    sources: Sequence[Network]
    trusted_proxies: Sequence[Network] = ()

    def require(self, request: Request) -> None:
        """Refuse with 403 CALLBACK_SOURCE_REFUSED whoever is not the provider."""
        if not is_among(self.sources, source_of(request, self.trusted_proxies)):
            raise Denied("CALLBACK_SOURCE_REFUSED")


async def billing_of(request: Request) -> Billing:
    billing: Billing = request.app.state.billing
    return billing


async def queries_of(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


async def gate_of(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


async def wait_of(request: Request) -> float:
    seconds: float = request.app.state.redirect_wait_seconds
    return seconds


BillingDep = Annotated[Billing, Depends(billing_of)]
QueriesDep = Annotated[Queries, Depends(queries_of)]
GateDep = Annotated[Gate, Depends(gate_of)]
WaitDep = Annotated[float, Depends(wait_of)]


def the_patient(caller: Caller) -> PatientId:
    """The patient who is asking; an account without a registration card has nothing here."""
    if caller.patient_id is None:
        raise Denied("NOT_YOURS")
    return caller.patient_id
