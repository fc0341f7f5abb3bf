from datetime import timedelta
from pathlib import Path

import certifi
import pytest
from faststream.security import SASLPlaintext, SASLScram256, SASLScram512

from messaging import WrongBusAddress, open_bus
from messaging.kafka import KafkaAddress


def test_servers_alone_are_reached_in_the_clear() -> None:
    address = KafkaAddress.parse("kafka://one:9092,two:9192,three")
    assert address.servers == ("one:9092", "two:9192", "three:9092")
    assert (address.tls, address.user, address.session) == (False, None, timedelta(seconds=10))
    assert address.security().use_ssl is False


def test_a_user_logs_in_with_scram() -> None:
    address = KafkaAddress.parse("kafka://anna:p%40ss%3A%2F@one:9092")
    security = address.security()
    assert isinstance(security, SASLScram512)
    assert (security.username, security.password) == ("anna", "p@ss:/")
    assert security.use_ssl is False


@pytest.mark.parametrize(
    ("mechanism", "kind"), [("PLAIN", SASLPlaintext), ("SCRAM-SHA-256", SASLScram256)]
)
def test_the_mechanism_can_be_named(mechanism: str, kind: type[object]) -> None:
    address = KafkaAddress.parse(f"kafka+tls://anna:secret@one:9093?mechanism={mechanism}")
    assert isinstance(address.security(), kind)


def test_tls_checks_the_name_of_the_server_by_the_named_authorities() -> None:
    address = KafkaAddress.parse(f"kafka+tls://anna:secret@one:9093?ca={certifi.where()}")
    context = address.security().ssl_context
    assert context is not None
    assert context.check_hostname
    assert address.ca == Path(certifi.where())


def test_prefix_and_session_are_read() -> None:
    address = KafkaAddress.parse("kafka://one?prefix=north.&session=3")
    assert (address.prefix, address.session) == ("north.", timedelta(seconds=3))


@pytest.mark.parametrize(
    "url",
    [
        "amqp://anna:s3cret@one:9092",
        "kafka://anna:s3cret@",
        "kafka://anna:s3cret@one:0",
        "kafka://anna:s3cret@one:65536",
        "kafka://anna:s3cret@one:port",
        "kafka://anna:s3cret@[one",
        "kafka://:s3cret@one",
        "kafka://anna:@one",
        "kafka://anna:s3cret@one/topic",
        "kafka://anna:s3cret@one?mechanism=GSSAPI",
        "kafka://anna:s3cret@one?mechanism=PLAIN",
        "kafka://anna:s3cret@one?ca=/ca.pem",
        "kafka://anna:s3cret@one?session=0",
        "kafka://anna:s3cret@one?session=1801",
        "kafka://anna:s3cret@one?acks=s3cret",
        "kafka://one?mechanism=PLAIN",
    ],
)
def test_a_wrong_address_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(WrongBusAddress) as refused:
        KafkaAddress.parse(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_authorities_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(WrongBusAddress, match=r"/no/such\.pem"):
        KafkaAddress.parse("kafka+tls://one?ca=/no/such.pem").security()


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(KafkaAddress.parse("kafka://anna:s3cret@one"))


async def test_an_address_of_no_bus_is_refused() -> None:
    def never(url: str) -> object:
        raise AssertionError(url)

    with pytest.raises(WrongBusAddress):
        async with open_bus("amqp://localhost", client="test", open_pool=never):  # type: ignore[arg-type]  # not asked
            pass
