"""One whole suite for all journeys: started once, its clock moved forward only, stopped at the end.

Each journey makes a clinic, a doctor and patients of its own and chooses its days by the suite's clock, so journeys do
not meet. They share the clock: under pytest-xdist all of them belong to one group (`--dist loadgroup`), one process.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from journeys.suite import Suite, free_ports, launch, stop
from journeys.trace import sending_to
from journeys.traces import Receiver, receiving

HERE = Path(__file__).parent
# They move the clock by months, and look back on everything that the others did.
LAST = ("test_clock_change", "test_whole_log")
SETTINGS = {
    # All clients of the journeys have one address.
    "GATEWAY_ANONYMOUS_WRITES_PER_MINUTE": "100000",
    "GATEWAY_ANONYMOUS_READS_PER_MINUTE": "100000",
    # Cheap passwords: there are many people, and none of them is real.
    "IDENTITY_ARGON2_MEMORY_KIB": "1024",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("e2e"))
            item.add_marker(pytest.mark.timeout(300))
    items.sort(key=lambda item: LAST.index(item.path.stem) + 1 if item.path.stem in LAST else 0)


@pytest.fixture(scope="session")
def traces() -> Iterator[Receiver]:
    """Where the suite sends the spans of the traces that a journey asks for."""
    with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def suite(request: pytest.FixtureRequest, traces: Receiver) -> AsyncIterator[Suite]:
    """The running suite. Its folder with all logs is left behind when a test has failed."""
    # Not tmp_path: every start of pytest closes its parent to PostgreSQL's own user again.
    data = Path(tempfile.mkdtemp(prefix="kabinet-e2e-"))
    failed_before = request.session.testsfailed
    try:
        running, supervisor = await launch(
            data, {**SETTINGS, **sending_to(traces)}, port=free_ports()
        )
        try:
            yield running
        finally:
            await stop(data)
            await supervisor.wait()
    finally:
        if request.session.testsfailed == failed_before:
            shutil.rmtree(data)


@pytest_asyncio.fixture
async def http(suite: Suite) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the public API."""
    async with httpx.AsyncClient(base_url=suite.url("gateway"), timeout=30) as client:
        yield client
