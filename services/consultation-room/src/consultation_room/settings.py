"""What an operator settles: addresses, secrets, folders."""

from pathlib import Path

from service_kit.settings import ServiceSettings

__all__ = ["ConsultationRoomSettings"]


class ConsultationRoomSettings(ServiceSettings, env_prefix="CONSULTATION_ROOM_"):
    """Read from CONSULTATION_ROOM_*."""

    files_dir: Path  # type: ignore[mutable-override]  # settings are frozen, so narrower is safe
    """Where the files of chats are kept; every process of the service sees the same folder."""
