"""Private events to public facts."""

from booking.publishing.appointments import publish

__all__ = ["publish"]
