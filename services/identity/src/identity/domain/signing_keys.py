"""When a signing key of access tokens is made, used and taken back; all of it follows from two instants per key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

__all__ = ["KeyPlan", "Rotation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlan:
    """A key is published from the moment it is made and signs from `signs_from` until its successor does."""

    key_id: UUID
    made_at: datetime
    signs_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A key signs for `period` and is known `lead` before that, so that nobody meets a token of an unknown key.

    `token_life` is the longest life of a token.
    """

    period: timedelta
    lead: timedelta
    token_life: timedelta

    def successor_signs_from(self, keys: Sequence[KeyPlan], now: datetime) -> datetime | None:
        """From when a key that must be made now will sign; None when no key is due. `keys` in order of signing."""
        if not keys:
            return now
        ends_at = keys[-1].signs_from + self.period
        return max(ends_at, now + self.lead) if now >= ends_at - self.lead else None

    def signing(self, keys: Sequence[KeyPlan], now: datetime) -> KeyPlan:
        """The key that signs now; the first one when the clock was set back before it."""
        return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])

    def retired(self, keys: Sequence[KeyPlan], now: datetime) -> Sequence[KeyPlan]:
        """The keys whose last token has expired."""
        return [
            key
            for key, successor in pairwise(keys)
            if now >= successor.signs_from + self.token_life
        ]
