"""What routes are handed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated

from fastapi import Depends, Request

from billing.application import Billing
from read_models import Queries
from service_kit.problems import Denied

__all__ = ["BillingDep", "Gate", "GateDep", "Network", "QueriesDep", "WaitDep"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Lets notifications in by their source address; the last proxy that is not trusted counts as the source."""

    sources: Sequence[Network]
    trusted_proxies: Sequence[Network] = ()

    def require(self, request: Request) -> None:
        """Refuse with 403 CALLBACK_SOURCE_REFUSED whoever is not the provider."""
        if not _is_in(self._source(request), self.sources):
            raise Denied("CALLBACK_SOURCE_REFUSED")

    def _source(self, request: Request) -> str:
        source = "" if request.client is None else request.client.host
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        for hop in reversed([hop.strip() for hop in forwarded if hop.strip()]):
            if not _is_in(source, self.trusted_proxies):
                break
            source = hop
        return source


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


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
