"""Settings of the gateway."""

from pydantic import Field

from service_kit.requests import Network
from service_kit.settings import ServiceSettings

__all__ = ["GatewaySettings"]


class GatewaySettings(ServiceSettings, env_prefix="GATEWAY_"):
    """Where the services are, and how much a stranger may ask."""

    booking_url: str
    billing_url: str
    consultation_room_url: str
    conclusions_url: str
    notifications_url: str
    ops_url: str
    trusted_proxies: tuple[Network, ...] = ()
    """Whose `X-Forwarded-For` is believed: the load balancers before the gateway."""
    anonymous_writes_per_minute: int = Field(default=30, gt=0)
    """Per address and operation: sign-in, registration, codes."""
    anonymous_reads_per_minute: int = Field(default=600, gt=0)
    session_poll_seconds: float = Field(default=0.5, gt=0)
    """How often identity is asked who signed out."""
    upstream_seconds: float = Field(default=15.0, gt=0)
    """How long a service may take to begin its answer."""
    idempotency_hours: float = Field(default=24.0, gt=0)
    """How long a first answer is kept for repeats."""

    def addresses(self) -> dict[str, str]:
        """The internal address of each service, by its package name."""
        return {
            "identity": self.identity_url,
            "booking": self.booking_url,
            "billing": self.billing_url,
            "consultation_room": self.consultation_room_url,
            "conclusions": self.conclusions_url,
            "notifications": self.notifications_url,
            "ops": self.ops_url,
        }
