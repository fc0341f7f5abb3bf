"""Passwords are concealed slowly, a few at a time."""

import asyncio
import threading

import pytest

from identity.adapters import argon2_passwords
from identity.adapters.argon2_passwords import Argon2Cost, Argon2Passwords
from service_kit.errors import Unavailable

CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)


async def test_a_password_fits_what_it_made_and_nothing_else() -> None:
    passwords = Argon2Passwords(CHEAP, at_once=2)
    concealed = await passwords.conceal("correct horse")
    assert concealed.startswith("$argon2id$")
    assert await passwords.matches(concealed, "correct horse")
    assert not await passwords.matches(concealed, "battery staple")
    assert concealed != await passwords.conceal("correct horse")


async def test_nobody_has_no_password() -> None:
    passwords = Argon2Passwords(CHEAP, at_once=1)
    assert not await passwords.matches(None, "a password that nobody has")


async def test_a_text_of_another_cost_still_fits() -> None:
    concealed = await Argon2Passwords(CHEAP, at_once=1).conceal("correct horse")
    dearer = Argon2Passwords(Argon2Cost(memory_kib=16, passes=2, lanes=1), at_once=1)
    assert await dearer.matches(concealed, "correct horse")


async def test_a_few_are_looked_at_at_once_and_a_crowd_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(argon2_passwords, "_LONGEST_QUEUE", 2)
    passwords = Argon2Passwords(CHEAP, at_once=2)
    gate, pairs, inside, lock = threading.Event(), threading.Barrier(2), [0, 0], threading.Lock()

    def slow() -> str:
        with lock:
            inside[0] += 1
            inside[1] = max(inside)
        gate.wait(5)
        pairs.wait(5)
        with lock:
            inside[0] -= 1
        return "done"

    waiting = [asyncio.create_task(passwords._slowly(slow)) for _ in range(4)]
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await passwords.conceal("one too many")
    gate.set()
    assert await asyncio.gather(*waiting) == ["done"] * 4
    assert inside == [0, 2]
    assert await passwords.conceal("there is room again")
