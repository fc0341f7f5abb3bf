"""A real Apache Kafka for the tests that want one: import these fixtures into their conftest."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from embedded.kafka import THROWAWAY_OPTIONS, KafkaServer
from embedded.server import free_port
from embedded.settings import EmbeddedSettings

IMAGE = "apache/kafka:4.1.1"


@contextmanager
def own_server() -> Iterator[KafkaServer]:
    with tempfile.TemporaryDirectory(prefix="kabinet-test-") as folder:
        server = KafkaServer(Path(folder), options=THROWAWAY_OPTIONS)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def container() -> Iterator[str]:
    """Started only where KABINET_KAFKA_IN_DOCKER asks for it: that Docker is there does not say it can pull."""
    port = free_port()
    kafka = DockerContainer(IMAGE).with_bind_ports(9092, port)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "500",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    for name, value in settings.items():
        kafka = kafka.with_env(name, value)
    with kafka:
        wait_for_logs(kafka, "Kafka Server started")
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="session")
def kafka_servers(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers: given ones, a container, or a broker of this pytest process."""
    settings = EmbeddedSettings()
    if settings.kafka_servers:
        yield settings.kafka_servers
    elif settings.kafka_in_docker:
        with container() as servers:
            yield servers
    else:
        yield request.getfixturevalue("kafka_server").address


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A broker of this pytest process alone, so a test may kill it, as long as it starts it again."""
    with own_server() as server:
        yield server


@pytest.fixture
def kafka_url(kafka_servers: str) -> str:
    """The address of a bus without topics."""
    return address_of(kafka_servers)


@pytest.fixture
def killable_kafka_url(kafka_server: KafkaServer) -> str:
    """The same on the broker that may be killed."""
    return address_of(kafka_server.address)


def address_of(servers: str) -> str:
    return f"kafka://{servers}?prefix={token_hex(4)}.&session=3"
