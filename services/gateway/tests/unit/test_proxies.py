"""Whose word on a caller's address is believed."""

from ipaddress import ip_network

import pytest
from starlette.types import Receive, Scope, Send

from gateway.bootstrap import behind

BALANCERS = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "told", "believed"),
    [
        ("10.1.2.3", "203.0.113.7", "203.0.113.7"),
        ("10.1.2.3", "203.0.113.7, 10.1.9.9", "203.0.113.7"),
        ("10.1.2.3", "forged, 203.0.113.7", "203.0.113.7"),
        ("fd00::1", "2001:db8::5", "2001:db8::5"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("10.2.0.0", "203.0.113.7", "10.2.0.0"),
    ],
)
async def test_only_the_load_balancers_are_believed(peer: str, told: str, believed: str) -> None:
    assert await _address(BALANCERS, peer, told) == believed


async def test_without_load_balancers_nobody_is() -> None:
    assert await _address((), "10.1.2.3", "203.0.113.7") == "10.1.2.3"


async def _address(balancers: tuple[object, ...], peer: str, told: str) -> str:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", told.encode())] if told else []
    scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    await behind(balancers, app)(scope, None, None)  # type: ignore[arg-type]
    return seen[0]
