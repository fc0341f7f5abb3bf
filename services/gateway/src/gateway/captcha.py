"""The port by which people are told from programs (GW-25, IDN-08)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

__all__ = ["Captcha", "Unproven"]


class Unproven(Exception):
    """The solution is wrong, too old, or another request has used it up."""


class Captcha(Protocol):
    """One way to make a stranger prove something. An adapter holds the solutions that are used up."""

    def challenge(self, now: datetime) -> Mapping[str, Any]:
        """What a client has to solve, as `GET /api/v1/captcha` shows it; `kind` says how."""
        ...

    async def redeem(self, solution: str, *, by: bytes, address: str, now: datetime) -> None:
        """Use a solution up for the request `by`, which may show it again; raises Unproven or Unavailable.

        `address` is where the client comes from.
        """
        ...
