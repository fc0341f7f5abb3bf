"""The only reader of the environment."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AcquirerSettings(BaseSettings):
    """What a command line, which everybody on the machine can read, should not hold."""

    model_config = SettingsConfigDict(env_prefix="ACQUIRER_", frozen=True)

    shops: tuple[SecretStr, ...] = ()
    """`id:secret:callback_url` each, as with `--shop`."""
