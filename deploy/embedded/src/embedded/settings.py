"""The only reader of the environment."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class EmbeddedSettings(BaseSettings):
    """Settings of the embedded profile and of the tests."""

    model_config = SettingsConfigDict(frozen=True)

    data: Path = Field(default=Path(".data"), validation_alias="KABINET_DATA")
    port: int = Field(default=8080, ge=1, le=65535, validation_alias="PORT")
    postgres_url: SecretStr | None = Field(default=None, validation_alias="KABINET_POSTGRES_URL")
    """A server that is already there, used instead of starting one."""
    profile: Literal["embedded", "kafka"] = Field(
        default="embedded", validation_alias="KABINET_PROFILE"
    )
    """What carries the events between services: PostgreSQL, or a broker of Apache Kafka that is started too."""
    kafka_url: SecretStr | None = Field(default=None, validation_alias="KABINET_KAFKA_URL")
    """`kafka://...`: a broker that is already there, used instead of starting one."""
    kafka_servers: str | None = Field(default=None, validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    """Brokers that are already there, for the tests; else they start one of their own."""
    kafka_in_docker: bool = Field(default=False, validation_alias="KABINET_KAFKA_IN_DOCKER")
    """Have testcontainers start that one, instead of Java."""


def chosen(variables: Iterable[str]) -> Mapping[str, str]:
    """Those of these variables that are set to something."""
    return {name: value for name in variables if (value := os.environ.get(name))}


def inherited() -> Mapping[str, str]:
    """The whole environment, for the processes that are started."""
    return dict(os.environ)
