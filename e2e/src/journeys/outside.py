"""What a person does outside the suite: reads letters, pays at the bank's page."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Mailbox", "decline", "pay"]

_CODE = re.compile(r"\b(\d{6})\b")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The letters of one address, at the mail sink."""

    http: httpx.AsyncClient
    url: str
    address: str

    async def letters(self) -> list[dict[str, Any]]:
        """All so far, oldest first."""
        answer = await self.http.get(
            f"{self.url}/messages", params={"to": self.address, "limit": 200}
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["items"]
        return sorted(found, key=lambda letter: str(letter["received_at"]))

    async def letter(self, containing: str, seconds: float = 30.0) -> dict[str, Any]:
        """The first whose subject or text contains the words, waited for."""
        patience = time.monotonic() + seconds
        while time.monotonic() < patience:
            for letter in await self.letters():
                if containing.lower() in f"{letter['subject']} {letter['text']}".lower():
                    return letter
            await asyncio.sleep(0.1)
        subjects = [letter["subject"] for letter in await self.letters()]
        raise AssertionError(
            f"no letter with '{containing}' to {self.address}; there are {subjects}"
        )

    async def code(self) -> str:
        """The newest confirmation code."""
        letter = await self.letter("код")
        match = _CODE.search(letter["text"])
        assert match is not None, letter["subject"]
        return match[1]


async def pay(http: httpx.AsyncClient, confirmation_url: str) -> None:
    """Press Pay at the bank's page."""
    answer = await http.post(f"{confirmation_url}/confirm", headers={"Accept": "application/json"})
    answer.raise_for_status()


async def decline(http: httpx.AsyncClient, confirmation_url: str, reason: str) -> None:
    """Press Decline at the bank's page."""
    answer = await http.post(
        f"{confirmation_url}/decline",
        data={"reason": reason},
        headers={"Accept": "application/json"},
    )
    answer.raise_for_status()
