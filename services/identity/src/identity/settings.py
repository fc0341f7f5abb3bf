"""Settings of identity, from the environment."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field, SecretStr, field_validator

from service_kit.settings import ServiceSettings

__all__ = ["IdentitySettings"]


class IdentitySettings(ServiceSettings, env_prefix="IDENTITY_"):
    master_key: SecretStr
    """`id:base64` of 32 bytes; several after a change, separated by commas, the current one first."""
    service_secrets: dict[str, SecretStr]
    """What each service proves itself with, by its name."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    )
    """Whose `X-Forwarded-For` is believed: the gateway's networks."""

    access_token_minutes: int = Field(default=15, ge=1, le=60)
    session_days: int = Field(default=30, ge=1, le=365)
    signing_key_days: float = Field(default=30.0, gt=0)
    signing_key_lead_minutes: float = Field(default=10.0, gt=0)

    # OWASP's recommendation for Argon2id: 19 MiB and two passes on one lane.
    argon2_memory_kib: int = Field(default=19_456, ge=8)
    argon2_passes: int = Field(default=2, ge=1)
    argon2_lanes: int = Field(default=1, ge=1)
    argon2_at_once: int = Field(default=2, ge=1)

    account_wait_seconds: float = Field(default=5.0, gt=0)
    """How long a request waits for the account that it leads to."""

    @field_validator("service_secrets")
    @classmethod
    def _named_with_hyphens(cls, secrets: dict[str, SecretStr]) -> dict[str, SecretStr]:
        return {name.replace("_", "-"): secret for name, secret in secrets.items()}
