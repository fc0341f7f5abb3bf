"""Settings of conclusions, read from the environment."""

from pydantic import SecretStr

from service_kit.settings import FileSettings

__all__ = ["ConclusionsSettings"]


class ConclusionsSettings(FileSettings, env_prefix="CONCLUSIONS_"):
    certificate_authority_url: str
    timestamp_url: str | None = None
    """An RFC 3161 time-stamp authority; without one signatures bear the signer's own time."""
    key_encryption_key: SecretStr
    """What wraps doctors' private keys: `id:base64` of 32 bytes; older keys may follow, separated by commas."""
