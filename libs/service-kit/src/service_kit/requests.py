"""What the kit knows about a request, kept in its ASGI scope: correlation id and language."""

from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.types import Scope

from service_kit.texts import Language, negotiate

if TYPE_CHECKING:
    from service_kit.kit import Kit

__all__ = [
    "CORRELATION_HEADER",
    "correlation_of",
    "kit_of",
    "language_of",
    "route_template",
    "set_account_language",
    "set_correlation",
]

CORRELATION_HEADER: Final = "X-Correlation-Id"
_CORRELATION: Final = "kabinet.correlation"
_ACCOUNT_LANGUAGE: Final = "kabinet.account_language"


def set_correlation(scope: Scope, correlation: UUID) -> None:
    """Remember which story this request belongs to."""
    scope[_CORRELATION] = correlation


def correlation_of(connection: HTTPConnection) -> UUID:
    """The story that this request belongs to."""
    return cast(UUID, connection.scope[_CORRELATION])


def set_account_language(scope: Scope, language: str | None) -> None:
    """Remember the language of the account that is asking."""
    scope[_ACCOUNT_LANGUAGE] = language


def language_of(connection: HTTPConnection) -> Language:
    """`Accept-Language`, else the account's language, else Russian."""
    return negotiate(
        connection.headers.get("accept-language"), connection.scope.get(_ACCOUNT_LANGUAGE)
    )


def kit_of(connection: HTTPConnection) -> "Kit":
    """The kit of the application that answers."""
    return cast("Kit", connection.app.state.kit)


def route_template(scope: Scope) -> str:
    """The path as declared (`/appointments/{appointment_id}`), so that no id becomes a label."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
