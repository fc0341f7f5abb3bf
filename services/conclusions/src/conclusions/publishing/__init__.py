"""Private events to public facts."""

from conclusions.publishing.conclusions import publish

__all__ = ["publish"]
