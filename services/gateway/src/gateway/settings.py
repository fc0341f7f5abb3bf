"""Settings of the gateway."""

from typing import Any, Literal

from pydantic import Field, SecretStr, create_model

from gateway.routing import described_services
from service_kit.requests import Network
from service_kit.settings import ProcessSettings

__all__ = ["GatewaySettings", "gateway_settings"]


class GatewaySettings(ProcessSettings, env_prefix="GATEWAY_"):
    """How much a stranger may ask; `gateway_settings` adds where the services are.

    Neither bus nor store: the public process holds no address that it does not use.
    """

    trusted_proxies: tuple[Network, ...] = ()
    """Whose `X-Forwarded-For` is believed: the load balancers before the gateway."""
    follows_traces: bool = False
    """Whether a client's `traceparent` is followed; otherwise a trace begins here, sampled as `trace_ratio` says."""
    anonymous_writes_per_minute: int = Field(default=30, gt=0)
    """Per address and operation: sign-in, registration, codes."""
    anonymous_reads_per_minute: int = Field(default=600, gt=0)
    session_poll_seconds: float = Field(default=0.5, gt=0)
    """How often identity is asked who signed out."""
    upstream_seconds: float = Field(default=15.0, gt=0)
    """How long a service may take to begin its answer."""
    idempotency_hours: float = Field(default=24.0, gt=0)
    """How long a first answer is kept for repeats."""
    captcha: Literal["altcha", "smartcaptcha", "off"] = "altcha"
    """What strangers have to solve: a proof of work of our own, or Yandex SmartCaptcha."""
    captcha_secret: SecretStr
    """What challenges are signed with, the same for all gateways; the server key of SmartCaptcha."""
    captcha_difficulty: int = Field(default=100, gt=0, le=1 << 24)
    """Of a proof of work: how many tries it takes at most. 100 cost milliseconds, 10,000 a phone a second or two."""
    captcha_minutes: float = Field(default=10.0, gt=0)
    """How long a challenge can be solved."""
    captcha_url: str = "https://smartcaptcha.cloud.yandex.ru"
    """Where SmartCaptcha validates tokens."""
    captcha_site_key: str = ""
    """The client key of SmartCaptcha, which browsers show."""

    def addresses(self) -> dict[str, str]:
        """The internal address of each described service, by its package name."""
        return {service: getattr(self, _field(service)) for service in described_services()}


def gateway_settings() -> type[GatewaySettings]:
    """The settings with an address for every service that has routes: `GATEWAY_BOOKING_URL` and so on."""
    own = [service for service in described_services() if service != "identity"]
    addresses: dict[str, Any] = {_field(service): (str, ...) for service in own}
    return create_model("GatewaySettings", __base__=GatewaySettings, **addresses)


def _field(service: str) -> str:
    return f"{service}_url"
