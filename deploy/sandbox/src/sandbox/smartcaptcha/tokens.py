"""What the widget of a browser was given: each token is worth one answer, for five minutes."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.clock import Clock

VALID = timedelta(minutes=5)


@dataclass(slots=True)
class Tokens:
    """Held in memory: none outlives a restart by much anyway."""

    clock: Clock
    _issued: dict[str, tuple[datetime, bool]] = field(default_factory=dict)

    def issue(self, *, human: bool) -> str:
        token = secrets.token_urlsafe(96)
        self._issued[token] = self.clock(), human
        return token

    def spend(self, token: str) -> bool | None:
        """Whether a human solved it; None for a token that is unknown, spent or too old."""
        issued_at, human = self._issued.pop(token, (None, False))
        if issued_at is None or self.clock() - issued_at >= VALID:
            return None
        return human
