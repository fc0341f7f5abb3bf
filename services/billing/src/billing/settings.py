"""Settings of billing, from the environment."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from service_kit.settings import ServiceSettings

__all__ = ["BillingSettings", "YooKassaShop"]


class YooKassaShop(BaseModel):
    """A tenant's shop at YooKassa."""

    model_config = ConfigDict(frozen=True)

    shop_id: str
    secret: SecretStr
    tax_system: int | None = Field(default=None, ge=1, le=6)
    """FFD tag 1055, for shops whose receipts need it."""


class BillingSettings(ServiceSettings, env_prefix="BILLING_"):
    yookassa_url: str = "https://api.yookassa.ru"
    yookassa_profiles: dict[str, YooKassaShop]
    """JSON: tenant to its shop; a tenant without one takes no money online."""
    callback_sources: tuple[IPv4Network | IPv6Network, ...] | None = None
    """Who may send notifications; left out: the addresses that YooKassa publishes."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (
        IPv4Network("127.0.0.0/8"),
        IPv6Network("::1/128"),
    )
    """Whose `X-Forwarded-For` is believed: the gateway's networks."""
    redirect_wait_seconds: float = Field(default=5.0, gt=0)
    """How long a request waits for the provider's page that it leads to."""
