"""A server that speaks S3: the one that S3_TEST_URL names (its bucket must be there), or else moto beside the tests."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from file_store.s3 import S3FileStore, S3Place


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of a bucket."""
    if named := os.environ.get("S3_TEST_URL"):  # noqa: TID251 - which server the tests use
        yield named
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _make_bucket(f"{endpoint}/kabinet", server)
        yield f"s3://key:secret@kabinet?endpoint={endpoint}&region=us-east-1"
    finally:
        server.terminate()
        server.wait()


def _make_bucket(address: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            assert httpx.put(address, trust_env=False).status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("moto did not start")


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """Of a prefix that nobody else uses."""
    bucket, options, rest = s3_server.partition("?")
    return f"{bucket.rstrip('/')}/{secrets.token_hex(8)}{options}{rest}"


@pytest.fixture
async def s3(s3_url: str) -> AsyncIterator[S3FileStore]:
    async with S3FileStore.open_place(S3Place.parse(s3_url)) as store:
        yield store
