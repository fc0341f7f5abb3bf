"""Yandex SmartCaptcha: the browser's widget gets a token from Yandex, the gateway asks Yandex what it is worth.

A token lives for five minutes and is validated once (its documentation, "Verifying a CAPTCHA response"); a request that
is repeated is therefore known by our own table.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog
from pydantic import SecretStr

from gateway.adapters.used_solutions import UsedSolutions
from gateway.captcha import Unproven
from service_kit.errors import Unavailable
from service_kit.http import ProviderClient

__all__ = ["KIND", "YandexSmartCaptcha"]

KIND: Final = "smartcaptcha"
_VALID: Final = timedelta(minutes=5)
_LONGEST: Final = 4096
_log = structlog.get_logger()


class _Verdict(msgspec.Struct, frozen=True):
    status: str
    message: str = ""


class YandexSmartCaptcha:
    """Yandex learns the client's address. While it is away nobody is let in (IDN-08), though its guide lets all in."""

    def __init__(
        self, used: UsedSolutions, provider: ProviderClient, *, server_key: SecretStr, site_key: str
    ) -> None:
        self._used, self._provider = used, provider
        self._server_key, self._site_key = server_key, site_key

    def challenge(self, now: datetime) -> Mapping[str, Any]:
        return {"kind": KIND, "site_key": self._site_key}

    async def redeem(self, solution: str, *, by: bytes, address: str, now: datetime) -> None:
        if not 0 < len(solution) <= _LONGEST:
            raise Unproven
        token = hashlib.sha256(solution.encode()).digest()
        user = await self._used.user_of(token)
        if user is None:
            await self._ask(solution, address)
            # Long enough for a repeat; Yandex itself takes a token once only.
            if not await self._used.take(token, by, now + _VALID):
                raise Unproven
        elif user != by:
            raise Unproven

    async def _ask(self, solution: str, address: str) -> None:
        form = {
            "secret": self._server_key.get_secret_value(),
            "token": solution,
            "ip": address,
        }
        answer = await self._provider.request("POST", "/validate", data=form)
        try:
            verdict = msgspec.json.decode(answer.content, type=_Verdict)
        except msgspec.MsgspecError:
            raise Unavailable("smartcaptcha") from None
        if verdict.status != "ok":
            # Its words are for people: they tell a wrong key from a robot.
            _log.info("captcha.refused", reason=verdict.message)
            raise Unproven
