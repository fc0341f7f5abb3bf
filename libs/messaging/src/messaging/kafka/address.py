"""Where a cluster is, and how a client proves who it is: one URL."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from messaging.bus import WrongBusAddress

__all__ = ["KafkaAddress"]

_DEFAULT_PORT: Final = 9092
_DEFAULT_SESSION: Final = timedelta(seconds=10)
_LONGEST_SESSION_SECONDS: Final = 1800
_DEFAULT_MECHANISM: Final = "SCRAM-SHA-512"
_MECHANISMS: Final[Mapping[str, type[SASLPlaintext | SASLScram256 | SASLScram512]]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAddress:
    """Bootstrap servers as `host:port`; with `user`, SASL; with `tls`, encrypted and the servers' names checked.

    `ca`: a PEM file of the authorities to trust instead of the system's. `prefix` stands before the name of every topic
    and group, so that several suites can share a cluster. `session`: after how much silence of a member the brokers
    give its partitions to others.
    """

    servers: tuple[str, ...]
    tls: bool = False
    user: str | None = None
    password: str = field(default="", repr=False)
    mechanism: str = _DEFAULT_MECHANISM
    ca: Path | None = None
    prefix: str = ""
    session: timedelta = _DEFAULT_SESSION

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `kafka://h1:9092,h2:9092` or `kafka+tls://user:password@h:9093?mechanism=SCRAM-SHA-512&ca=/ca.pem`.

        User and password are percent-encoded where they must be. Raises WrongBusAddress.
        """
        try:
            parts = urlsplit(url)
        except ValueError:  # its text quotes the address
            raise WrongBusAddress("the address of Kafka is no URL") from None
        if parts.scheme not in {"kafka", "kafka+tls"}:
            raise WrongBusAddress("an address of Kafka begins with kafka:// or kafka+tls://")
        if parts.path.strip("/") or parts.fragment:
            raise WrongBusAddress("an address of Kafka ends with its servers; it has no path")
        credentials, _, servers = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        if bool(user) != bool(password):
            raise WrongBusAddress("an address of Kafka has user and password, or neither")
        options = _options(parts, authenticated=bool(user))
        return cls(
            servers=tuple(_server(server) for server in servers.split(",")),
            tls=parts.scheme == "kafka+tls",
            user=unquote(user) or None,
            password=unquote(password),
            mechanism=options.get("mechanism", _DEFAULT_MECHANISM),
            ca=Path(options["ca"]) if "ca" in options else None,
            prefix=options.get("prefix", ""),
            session=_seconds(options["session"]) if "session" in options else _DEFAULT_SESSION,
        )

    def security(self) -> BaseSecurity:
        """The same, as FastStream's brokers want it. Raises WrongBusAddress when `ca` cannot be read."""
        context = None
        if self.tls:
            try:
                context = ssl.create_default_context(cafile=self.ca)
            except (OSError, ssl.SSLError):
                raise WrongBusAddress(f"{self.ca} is no readable PEM file of authorities") from None
        if self.user is None:
            return BaseSecurity(ssl_context=context)
        return _MECHANISMS[self.mechanism](self.user, self.password, ssl_context=context)


def _server(server: str) -> str:
    host, colon, port = server.rpartition(":")
    if not colon:
        host, port = server, str(_DEFAULT_PORT)
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise WrongBusAddress("every server of an address of Kafka is host or host:port")
    return f"{host}:{port}"


def _seconds(text: str) -> timedelta:
    if not text.isdecimal() or not 0 < int(text) <= _LONGEST_SESSION_SECONDS:
        raise WrongBusAddress(f"session is from 1 to {_LONGEST_SESSION_SECONDS} seconds")
    return timedelta(seconds=int(text))


def _options(parts: SplitResult, *, authenticated: bool) -> Mapping[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {"mechanism", "ca", "prefix", "session"}:
        raise WrongBusAddress(f"an address of Kafka knows no {', '.join(sorted(unknown))}")
    if "mechanism" in options:
        if options["mechanism"] not in _MECHANISMS:
            raise WrongBusAddress(f"mechanism is one of {', '.join(_MECHANISMS)}")
        if not authenticated:
            raise WrongBusAddress("mechanism is for an address of Kafka with user and password")
        if options["mechanism"] == "PLAIN" and parts.scheme != "kafka+tls":
            raise WrongBusAddress("PLAIN sends the password as it is: it is for kafka+tls://")
    if "ca" in options and parts.scheme != "kafka+tls":
        raise WrongBusAddress("ca is for kafka+tls://")
    return options
