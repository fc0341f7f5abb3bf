"""Private events to public facts."""

from notifications.publishing.message import publish

__all__ = ["publish"]
