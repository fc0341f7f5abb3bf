"""Settings of ops."""

from pydantic import SecretStr

from service_kit.settings import ServiceSettings

__all__ = ["OpsSettings"]


class OpsSettings(ServiceSettings, env_prefix="OPS_"):
    """Beside its own database, those of the services that it reads."""

    service_databases: dict[str, SecretStr]
    """Package name to database address; ops only reads there."""
    conclusions_url: str | None = None
    """Where signatures are verified; without it `kabinet verify signature` says so."""
