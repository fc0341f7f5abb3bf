"""What the embedded profile takes from its environment."""

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class EmbeddedSettings(BaseSettings):
    """A PostgreSQL server that is already there is used instead of starting one."""

    model_config = SettingsConfigDict(frozen=True)

    postgres_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("KABINET_POSTGRES_URL")
    )
