"""A person at the public API: signs in, asks, writes, and keeps what the answers say of positions."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import altcha
import httpx

from service_kit.access import CAPTCHA_HEADER
from service_kit.ids import new_id

__all__ = ["Person", "Refused"]

_TRY_AGAIN = frozenset({"UNAVAILABLE", "REQUEST_IN_FLIGHT", "VIEW_BEHIND", "CONCURRENT_CHANGE"})


class Refused(Exception):
    """The suite said no, for a reason with a stable code."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(
            f"{method} {path}: {status} {problem.get('code')} {problem.get('facts', '')}"
        )
        self.status, self.problem = status, problem
        self.code = str(problem.get("code"))


@dataclass(slots=True, kw_only=True)
class Person:
    """One client. Every write has its own Idempotency-Key and is repeated with it when the answer was lost.

    `patience_seconds`: how long it asks again while the suite is not there, and waits for what has to follow.
    """

    http: httpx.AsyncClient
    tenant: str
    login: str = ""
    password: str = field(default="", repr=False)
    account: Mapping[str, Any] = field(default_factory=dict)
    patience_seconds: float = 60.0
    _token: str | None = field(default=None, repr=False)
    _positions: dict[str, str] = field(default_factory=dict)
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def patient_id(self) -> UUID:
        """Of a signed-in patient."""
        return UUID(self.account["patient_id"])

    @property
    def token(self) -> str:
        """The access token, for the live channel."""
        assert self._token is not None, "not signed in"
        return self._token

    async def sign_in(self) -> None:
        """A fresh session; also after the clock has moved beyond the life of the last token."""
        answer = await self.ask(
            *("POST", "/api/v1/sessions"),
            json={"login": self.login, "password": self.password},
            anonymous=True,
        )
        session = answer.json()
        self._token, self.account = session["access_token"], session["account"]

    async def get(self, path: str, **query: str | int) -> Any:
        """Read, at least as fresh as everything this person has done before."""
        return (await self.ask("GET", path, params=query)).json()

    async def post(self, path: str, body: Any = None, *, captcha: bool = False) -> Any:
        """Write; with `captcha` as a stranger who solves one."""
        answer = await self.ask("POST", path, json=body, captcha=captcha)
        return answer.json() if answer.content else None

    async def put(self, path: str, body: Any = None) -> Any:
        """Write."""
        answer = await self.ask("PUT", path, json=body)
        return answer.json() if answer.content else None

    async def delete(self, path: str) -> None:
        """Write."""
        await self.ask("DELETE", path)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        anonymous: bool = False,
        captcha: bool = False,
        **options: Any,
    ) -> httpx.Response:
        """One exchange, repeated as it is while the suite is not there; raises Refused."""
        headers = self._headers(method, anonymous=anonymous) | options.pop("headers", {})
        if captcha:
            headers[CAPTCHA_HEADER] = await self.solution()
        patience = time.monotonic() + self.patience_seconds
        pause = 0.05
        while True:
            try:
                answer = await self.http.request(method, path, headers=headers, **options)
            except httpx.TransportError:
                if time.monotonic() > patience:
                    raise
            else:
                if not answer.is_error:
                    self._note(answer)
                    return answer
                problem = _problem(answer)
                outlived = problem.get("code") == "TOKEN_INVALID" and "Authorization" in headers
                unproven = problem.get("code") == "CAPTCHA_INVALID" and captcha
                again = outlived or unproven or problem.get("code") in _TRY_AGAIN
                if not again or time.monotonic() > patience:
                    raise Refused(method, path, answer.status_code, problem)
                if outlived:
                    headers["Authorization"] = await self._fresh(headers["Authorization"])
                if unproven:
                    headers[CAPTCHA_HEADER] = await self.solution()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def solution(self) -> str:
        """A fresh challenge of the gateway, solved as a browser does it."""
        challenge = altcha.Challenge.from_dict(await self.get("/api/v1/captcha"))
        solution = await asyncio.to_thread(altcha.solve_challenge, challenge)
        assert solution is not None, "the captcha took too long"
        return altcha.Payload(challenge, solution).to_base64()

    async def until(self, path: str, what: str, seconds: float | None = None, **wanted: Any) -> Any:
        """Read again and again until the fields have the values; raises AssertionError after `seconds`."""
        seconds = seconds or self.patience_seconds
        patience = time.monotonic() + seconds
        seen: Any = None
        while time.monotonic() < patience:
            try:
                seen = await self.get(path)
            except Refused as refused:
                if refused.status != 404:
                    raise
                seen = refused.code
            else:
                if all(seen.get(name) == value for name, value in wanted.items()):
                    return seen
            await asyncio.sleep(0.1)
        raise AssertionError(
            f"{what}: {wanted} was not reached within {seconds:.0f} s, seen: {seen}"
        )

    async def _fresh(self, outlived: str) -> str:
        """A token has a life, which a moved clock cuts short; of several tasks the first one signs in."""
        async with self._signing_in:
            if outlived == f"Bearer {self._token}":
                await self.sign_in()
        return f"Bearer {self.token}"

    def _headers(self, method: str, *, anonymous: bool) -> dict[str, str]:
        headers = {"X-Kabinet-Tenant": self.tenant}
        if self._token is not None and not anonymous:
            headers["Authorization"] = f"Bearer {self._token}"
        if method != "GET":
            headers["Idempotency-Key"] = str(new_id())
        elif self._positions:
            headers["Kabinet-Position"] = ", ".join(
                f"{service}:{cursor}" for service, cursor in self._positions.items()
            )
        return headers

    def _note(self, answer: httpx.Response) -> None:
        service, _, cursor = answer.headers.get("kabinet-position", "").partition(":")
        if cursor:
            self._positions[service] = max(cursor, self._positions.get(service, ""))


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem: Mapping[str, Any] = answer.json()
    except ValueError:
        return {"code": "UNAVAILABLE" if answer.status_code >= 502 else answer.text[:200]}
    return problem
