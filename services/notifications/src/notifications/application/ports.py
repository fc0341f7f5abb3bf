"""What the service needs from outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notifications.application.wording import Words
from notifications.domain.policies import NotificationPolicies
from vocabulary.ids import MessageId, TenantId

__all__ = ["Carrier", "Outgoing", "Policies", "Refused"]


class Policies(Protocol):
    async def at(self, tenant: str, instant: datetime) -> tuple[NotificationPolicies, int]:
        """What the tenant has settled, with its version."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way to an opened address; it is never logged."""

    tenant: TenantId
    message_id: MessageId
    address: str
    words: Words


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this message; `reason` is a code without anything personal."""

    reason: str


class Carrier(Protocol):
    """A way out: e-mail or SMS."""

    async def send(self, outgoing: Outgoing) -> Refused | None:
        """None when the provider took it; raises Unavailable when it may later, or did without saying so."""
        ...

    async def was_accepted(self, tenant: TenantId, message_id: MessageId) -> bool:
        """Whether the provider is known to have taken it before; False too where it cannot be asked."""
        ...
