"""What every service is handed when it starts."""

from dataclasses import dataclass, field

from service_kit.clock import Clock
from service_kit.health import Health
from service_kit.texts import Texts
from service_kit.tokens import NoSessionGuard, SessionGuard, TokenVerifier

__all__ = ["Kit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Name, clock, texts and door of one service; the run loop makes it, tests make it with `testing.make_kit`."""

    service: str
    clock: Clock
    texts: Texts
    tokens: TokenVerifier
    guard: SessionGuard = field(default_factory=NoSessionGuard)
    health: Health = field(default_factory=Health)
