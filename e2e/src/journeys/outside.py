"""What a person does outside the suite: reads letters, pays at the bank's page."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Mailbox", "decline", "pay", "reached"]

_CODE = re.compile(r"\b(\d{6})\b")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The letters of one address, at the mail sink."""

    http: httpx.AsyncClient
    url: str
    address: str
    patience_seconds: float = 30.0

    async def letters(self) -> list[dict[str, Any]]:
        """All so far, oldest first."""
        answer = await reached(
            *(self.http, "GET", f"{self.url}/messages", self.patience_seconds),
            params={"to": self.address, "limit": 200},
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["items"]
        return sorted(found, key=lambda letter: str(letter["received_at"]))

    async def letter(self, containing: str, seconds: float | None = None) -> dict[str, Any]:
        """The first whose subject or text contains the words, waited for."""
        patience = time.monotonic() + (seconds or self.patience_seconds)
        while time.monotonic() < patience:
            for letter in await self.letters():
                if containing.lower() in f"{letter['subject']} {letter['text']}".lower():
                    return letter
            await asyncio.sleep(0.1)
        subjects = [letter["subject"] for letter in await self.letters()]
        raise AssertionError(
            f"no letter with '{containing}' to {self.address}; there are {subjects}"
        )

    async def attachment(self, letter: dict[str, Any], name: str) -> bytes:
        """A file that came with a letter."""
        found = next(part for part in letter["attachments"] if part["name"] == name)
        answer = await self.http.get(f"{self.url}{found['url']}")
        answer.raise_for_status()
        return answer.content

    async def code(self) -> str:
        """The newest confirmation code."""
        letter = await self.letter("код")
        match = _CODE.search(letter["text"])
        assert match is not None, letter["subject"]
        return match[1]


async def pay(
    http: httpx.AsyncClient, confirmation_url: str, patience_seconds: float = 30.0
) -> None:
    """Press Pay at the bank's page."""
    await _press(http, f"{confirmation_url}/confirm", patience_seconds)


async def decline(
    http: httpx.AsyncClient, confirmation_url: str, reason: str, patience_seconds: float = 30.0
) -> None:
    """Press Decline at the bank's page."""
    await _press(http, f"{confirmation_url}/decline", patience_seconds, data={"reason": reason})


async def _press(
    http: httpx.AsyncClient, url: str, patience_seconds: float, **options: Any
) -> None:
    """Where the answer was lost the button may have worked; then the page refuses it the second time."""
    lost = False

    def was_lost() -> None:
        nonlocal lost
        lost = True

    headers = {"Accept": "application/json"}
    answer = await reached(
        http, "POST", url, patience_seconds, headers=headers, on_loss=was_lost, **options
    )
    if not (lost and answer.is_client_error):
        answer.raise_for_status()


async def reached(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    patience_seconds: float,
    on_loss: Callable[[], None] = lambda: None,
    **options: Any,
) -> httpx.Response:
    """One exchange with the outside world, repeated while nobody answers there."""
    patience = time.monotonic() + patience_seconds
    while True:
        try:
            answer = await http.request(method, url, **options)
        except httpx.TransportError:
            if time.monotonic() > patience:
                raise
            on_loss()
        else:
            return answer
        await asyncio.sleep(0.2)
