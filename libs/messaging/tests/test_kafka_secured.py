"""The real broker behind TLS and SCRAM."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from embedded.kafka import THROWAWAY_OPTIONS, KafkaServer
from embedded.server import HOST, free_port
from messaging import MessagingUnavailable, open_bus
from messaging.testing import TOPIC, envelopes, told

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PASSWORD = "s3cret: with @ and /"


@pytest.fixture(scope="module")
def secured() -> Iterator[tuple[str, Path]]:
    """Host and port of the secured listener, and the certificate to trust."""
    with tempfile.TemporaryDirectory(prefix="kabinet-test-") as name:
        folder = Path(name)
        certificate, port = make_certificate(folder), free_port()
        listener = f"SECURED://{HOST}:{port}"
        server = KafkaServer(
            folder / "broker",
            options={
                **THROWAWAY_OPTIONS,
                "listeners": listener,
                "advertised.listeners": listener,
                "listener.security.protocol.map": "SECURED:SASL_SSL",
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.secured.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(folder / "server.pem"),
            },
            scram={"anna": PASSWORD},
        )
        server.start()
        try:
            yield f"{HOST}:{port}", certificate
        finally:
            server.stop()


def make_certificate(folder: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kafka of a test")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), False)  # noqa: FBT003
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)  # noqa: FBT003
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "server.pem").write_bytes(private + public)
    (folder / "ca.pem").write_bytes(public)
    return folder / "ca.pem"


async def test_events_pass_over_tls_with_a_password(secured: tuple[str, Path]) -> None:
    server, ca = secured
    url = f"kafka+tls://anna:s3cret%3A%20with%20%40%20and%20%2F@{server}?ca={ca}"
    async with open_bus(url, client="test", open_pool=asyncpg.create_pool) as bus:
        sent = envelopes(20)
        await bus.publish(TOPIC, sent)
        found = await told(bus, TOPIC, timeout=60)
    assert sorted(found, key=lambda each: each.position) == sent


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("kafka+tls://anna:wrong@{server}?ca={ca}", "invalid credentials"),
        ("kafka+tls://anna:wrong@{server}", "CERTIFICATE_VERIFY_FAILED"),
    ],
)
async def test_a_wrong_password_or_an_unknown_authority_is_refused_and_the_log_says_why(
    secured: tuple[str, Path], url: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, ca = secured
    async with open_bus(
        url.format(server=server, ca=ca), client="test", open_pool=asyncpg.create_pool
    ) as bus:
        with pytest.raises(MessagingUnavailable):
            await bus.ping()
        with pytest.raises(MessagingUnavailable):
            await bus.publish(TOPIC, envelopes(1))
    assert f'"{server}": ' in caplog.text
    assert reason in caplog.text
    assert PASSWORD not in caplog.text
