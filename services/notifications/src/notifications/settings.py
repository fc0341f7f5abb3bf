"""Settings of notifications, from the environment."""

from typing import Literal

from pydantic import Field, SecretStr

from service_kit.settings import ServiceSettings

__all__ = ["NotificationsSettings"]


class NotificationsSettings(ServiceSettings, env_prefix="NOTIFICATIONS_"):
    smtp_host: str
    smtp_port: int = Field(ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    """The address that letters come from; its domain also ends their Message-IDs."""
    mail_from_by_tenant: dict[str, str] = Field(default_factory=dict)
    """JSON: tenant to an address of its own."""
    mail_lookup_url: str | None = None
    """Where to ask whether a letter was taken (`GET /messages?message_id=`), if the server can tell."""
    sms_url: str = "https://sms.ru"
    sms_api_id: SecretStr
    cabinet_url: str
    """Where links in letters begin: `<cabinet_url>/appointments/<id>`."""
