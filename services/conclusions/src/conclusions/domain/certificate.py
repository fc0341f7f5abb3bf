"""What is known of a signing certificate. Stored for ever."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Certificate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Who signs with it, who vouches for that, and from when to when (both instants included)."""

    serial: str
    issuer: str
    owner: str
    valid_from: datetime
    valid_to: datetime

    def holds_at(self, moment: datetime) -> bool:
        return self.valid_from <= moment <= self.valid_to
