"""A real Apache Kafka for the tests that want one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.kafka import THROWAWAY_OPTIONS, KafkaServer


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A broker of this pytest process alone, so a test may kill it, as long as it starts it again."""
    with tempfile.TemporaryDirectory(prefix="kabinet-test-") as folder:
        server = KafkaServer(Path(folder), options=THROWAWAY_OPTIONS)
        server.start()
        yield server
        server.stop()
