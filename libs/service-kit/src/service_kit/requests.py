"""What the kit knows about a request, kept in its ASGI scope: correlation, headers, language."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.types import Scope

from service_kit.ids import new_id
from service_kit.texts import Language, negotiate

if TYPE_CHECKING:
    from service_kit.kit import Kit

__all__ = [
    "CORRELATION_HEADER",
    "Network",
    "RequestFacts",
    "facts_of",
    "is_among",
    "kit_of",
    "language_of",
    "route_template",
    "source_of",
]

Network: TypeAlias = IPv4Network | IPv6Network

CORRELATION_HEADER: Final = "X-Correlation-Id"
_FACTS: Final = "kabinet"


class RequestFacts:
    """Read once when a request comes in; looking a header up here costs a tenth of `request.headers`."""

    __slots__ = ("_headers", "account_language", "correlation")

    def __init__(self, scope: Scope) -> None:
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self.account_language: str | None = None
        self.correlation = _correlation(self.header(CORRELATION_HEADER))
        scope[_FACTS] = self

    def header(self, name: str) -> str | None:
        """The value of a header, None without it."""
        value = self._headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")


def _correlation(text: str | None) -> UUID:
    try:
        return new_id() if text is None else UUID(text)
    except ValueError:
        return new_id()


def facts_of(connection: HTTPConnection) -> RequestFacts:
    """The facts of a request that came in through the telemetry."""
    return cast(RequestFacts, connection.scope[_FACTS])


def source_of(connection: HTTPConnection, trusted: Sequence[Network]) -> str:
    """Where a request came from: the nearest address, by `X-Forwarded-For`, that is not one of our own proxies."""
    source = connection.client.host if connection.client else ""
    hops = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
    for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
        if not is_among(trusted, source):
            break
        source = hop
    return source


def is_among(networks: Sequence[Network], address: str) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def language_of(connection: HTTPConnection) -> Language:
    """`Accept-Language`, else the account's language, else Russian."""
    facts = facts_of(connection)
    return negotiate(facts.header("accept-language"), facts.account_language)


def kit_of(connection: HTTPConnection) -> "Kit":
    """The kit of the application that answers."""
    return cast("Kit", connection.scope["app"].state.kit)


def route_template(scope: Scope) -> str:
    """The path as declared (`/appointments/{appointment_id}`), so that no id becomes a label."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
