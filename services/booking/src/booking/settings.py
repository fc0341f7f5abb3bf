"""What an operator sets: the common settings, with the prefix BOOKING_."""

from service_kit.settings import ServiceSettings

__all__ = ["BookingSettings"]


class BookingSettings(ServiceSettings, env_prefix="BOOKING_"):
    """Booking needs nothing of its own."""
