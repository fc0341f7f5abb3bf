"""A proof of work of our own, after ALTCHA (proof of work v2): nobody else learns that somebody is a patient.

The client tries counters until the key derived from one begins as the challenge says. The challenge is signed and not
kept; only a used one leaves a row.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import altcha
from pydantic import SecretStr

from gateway.adapters.used_solutions import UsedSolutions
from gateway.captcha import Unproven

__all__ = ["KIND", "AltchaCaptcha"]

KIND: Final = "altcha"
_ALGORITHM: Final = "PBKDF2/SHA-256"
_ITERATIONS: Final = 100
"""Of one try: enough that a browser's calls cost less than what they compute. The number of tries is the setting."""
_LONGEST: Final = 4096
_EXPIRY: Final = "expires_at"
"""In the challenge's `data`, because the library compares its `expiresAt` with the machine's clock, not the suite's."""


class AltchaCaptcha:
    """Challenges with an expiry, signed with HMAC under a secret that all gateways share."""

    def __init__(
        self, used: UsedSolutions, secret: SecretStr, *, difficulty: int, valid: timedelta
    ) -> None:
        """`difficulty`: how many tries a client needs at most, twice as many as on average."""
        self._used, self._secret = used, secret.get_secret_value()
        self._difficulty, self._valid = difficulty, valid

    def challenge(self, now: datetime) -> Mapping[str, Any]:
        challenge = altcha.create_challenge(
            _ALGORITHM,
            _ITERATIONS,
            counter=secrets.randbelow(self._difficulty),
            data={_EXPIRY: (now + self._valid).isoformat()},
            hmac_secret=self._secret,
        )
        return {"kind": KIND, **challenge.to_dict()}

    async def redeem(self, solution: str, *, by: bytes, address: str, now: datetime) -> None:
        challenge = self._solved(solution)
        expires_at = datetime.fromisoformat(challenge.data[_EXPIRY])
        if now >= expires_at:
            raise Unproven
        if not await self._used.take(bytes.fromhex(challenge.nonce), by, expires_at):
            raise Unproven

    def _solved(self, solution: str) -> Any:
        """The parameters of the challenge, which by its signature are ours."""
        if len(solution) > _LONGEST:
            raise Unproven
        try:
            payload = altcha.Payload.from_base64(solution)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unproven from None
        if not altcha.verify_solution(payload, self._secret).verified:
            raise Unproven
        return payload.challenge.parameters
