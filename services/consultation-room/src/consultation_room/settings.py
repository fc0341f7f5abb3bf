"""What an operator settles: addresses and secrets."""

from service_kit.settings import FileSettings

__all__ = ["ConsultationRoomSettings"]


class ConsultationRoomSettings(FileSettings, env_prefix="CONSULTATION_ROOM_"):
    """Read from CONSULTATION_ROOM_*."""
