"""Settings of a process: read from the environment once, frozen, complete or refused."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.errors import ConfigurationError

__all__ = ["FileSettings", "ProcessSettings", "ServiceSettings", "load_settings", "naming"]


class ProcessSettings(BaseSettings):
    """What every process needs; a service subclasses this or one of those below with its own prefix and fields.

    `class BookingSettings(ServiceSettings, env_prefix="BOOKING_")` reads `BOOKING_PORT` and so on. Secrets and
    addresses have no defaults, except that a process listens to its own machine only unless told otherwise. An empty
    variable counts as none: what orchestrators fill in cannot always be left out.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    """0 lets the system choose."""
    database_url: SecretStr
    database_connections: int = Field(default=16, ge=4)
    """The most that one process opens to its own database."""
    identity_url: str
    service_secret: SecretStr
    """What this service proves itself with when it asks identity for a service token."""
    clock_file: Path | None = None
    """Where an operator writes the offset of the virtual clock; none in production."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: str | None = None
    """Where spans go (OTLP over HTTP); without it nothing is exported."""
    trace_ratio: float = Field(default=1.0, ge=0, le=1)
    """The share of traces that start here and are exported."""
    drain_seconds: float = Field(default=10.0, gt=0)
    """How long requests in flight and workers may take to finish when the process is told to stop."""


class ServiceSettings(ProcessSettings):
    """Of a service that reads events: from a store, or from the bus."""

    bus_url: SecretStr
    """`postgresql://...`: the database of the embedded bus; `kafka://...`, `kafka+tls://...`: Apache Kafka."""
    store_url: SecretStr | None = None
    """`kurrentdb://...`: the events are in KurrentDB; left out: in the service's own database."""

    @property
    def store_address(self) -> str | None:
        """For `event_store.opening.open_store`; it may hold a password."""
        return None if self.store_url is None else self.store_url.get_secret_value()


class FileSettings(ServiceSettings):
    """Of a service that keeps files."""

    files_url: SecretStr
    """`file:///folder` or `s3://bucket/prefix?endpoint=...`, which every process of the service opens alike."""


Settings = TypeVar("Settings", bound=ProcessSettings)


def load_settings(kind: type[Settings]) -> Settings:
    """Read the environment; when anything is missing or wrong, print all of it and exit with code 2."""
    try:
        return kind.model_validate({})
    except ValidationError as incomplete:
        refuse(kind, incomplete)


def refuse(kind: type[ProcessSettings], incomplete: ValidationError) -> NoReturn:
    """Print every missing or wrong variable, never its value, and exit with code 2."""
    prefix = kind.model_config.get("env_prefix", "")
    lines = [
        f"  {prefix}{'_'.join(str(part) for part in error['loc'])}".upper() + f": {error['msg']}"
        for error in incomplete.errors(include_input=False, include_url=False)
    ]
    sys.stderr.write(
        "Cannot start, these settings are missing or wrong:\n" + "\n".join(lines) + "\n"
    )
    raise SystemExit(2) from None


@contextmanager
def naming(settings: ProcessSettings, field: str) -> Iterator[None]:
    """Around the use of a setting whose value only its user can judge: a ValueError says which variable is wrong.

    Raises ConfigurationError with the name of the variable and the words of the error, which must not quote the value.
    """
    try:
        yield
    except ValueError as wrong:
        prefix = settings.model_config.get("env_prefix", "")
        raise ConfigurationError(f"{prefix}{field.upper()}: {wrong}") from None
