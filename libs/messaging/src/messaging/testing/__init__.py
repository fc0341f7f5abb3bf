"""What every bus and inbox must keep, and tools to test services over them."""

from messaging.testing.driving import drain, until

__all__ = ["drain", "until"]
