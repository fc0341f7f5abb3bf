"""A broker of Apache Kafka of our own, from the jars of Maven Central: one node, KRaft, no Docker.

Needs Java 17 and, the first time, Maven; `deploy/kafka/pom.xml` names the version. The jars are kept in `build/`.
"""

import contextlib
import fcntl
import hashlib
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from embedded.children import dies_with_its_parent
from embedded.private_files import write_private
from embedded.server import HOST, Server, ServerError, free_port, until

POM = Path(__file__).resolve().parents[3] / "kafka" / "pom.xml"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
CLUSTER = "S2FiaW5ldC1LYWZrYS1vbg"

# One node: nothing can have a second copy. Topics are declared, never made by a mistyped name.
PRODUCT_OPTIONS: Mapping[str, str] = {
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "group.initial.rebalance.delay.ms": "0",
    "log.retention.ms": "-1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.replication.factor": "1",
}

# For tests: a member that was killed is missed soon.
THROWAWAY_OPTIONS: Mapping[str, str] = {
    "group.min.session.timeout.ms": "500",
    "log.segment.delete.delay.ms": "0",
}


class KafkaServer(Server):
    """One broker, which is its own controller. The directory also holds ``log/`` (events) and ``server.properties``.

    After ``kill`` the next ``start`` goes on with what was kept.
    """

    product, stop_seconds = "Kafka", STOP_SECONDS
    stop_signals: ClassVar[Sequence[signal.Signals]] = (signal.SIGTERM, signal.SIGKILL)

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        *,
        heap: str = "512m",
        log: Path | None = None,
        scram: Mapping[str, str] | None = None,
    ) -> None:
        """``options``: more server properties. ``scram``: names and passwords for SCRAM-SHA-512, set the first time."""
        super().__init__(data_dir, port, log)
        self._controller_port = free_port()
        self._options = {**PRODUCT_OPTIONS, **(options or {})}
        self._heap, self._scram = heap, scram or {}
        self._events = self.data_dir / "log"
        self._properties = self.data_dir / "server.properties"

    @property
    def address(self) -> str:
        """Host and port of the plain listener, as clients name bootstrap servers."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The address of the bus, for settings."""
        return f"kafka://{self.address}"

    def kill(self) -> None:
        """End the broker without any warning, as a failing machine would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @override
    def _coming_up(self) -> Iterator[float]:
        command = [*_java(), f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-Dlog4j2.level=WARN"]
        command += ["-cp", f"{jars()}/*"]
        write_private(self._properties, self._server_properties())
        if not (self._events / "meta.properties").exists():
            users = [
                ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
                for name, password in self._scram.items()
            ]
            yield from self._run_to_end(
                *command,
                *("kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER),
                *("--config", str(self._properties)),
                *(part for user in users for part in user),
            )
        self._process = self._run(*command, "kafka.Kafka", str(self._properties))
        for pause in until(START_SECONDS):
            if (code := self._process.poll()) is not None:
                raise self._failed(f"ended with code {code}")
            if _is_listening(self.port):
                return
            yield pause
        raise self._failed("was not ready in time")

    def _run_to_end(self, *command: str) -> Iterator[float]:
        self._process = self._run(*command)
        for pause in until(START_SECONDS):
            if self._process.poll() is not None:
                break
            yield pause
        if self._process.poll() != 0:
            raise self._failed("could not format its storage")

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - Java and the jars of the pom
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.data_dir,
                start_new_session=True,
                preexec_fn=dies_with_its_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call
            )

    def _server_properties(self) -> str:
        listener = f"CLIENT://{HOST}:{self.port}"
        controller = f"{HOST}:{self._controller_port}"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CLIENT",
            "log.dirs": str(self._events),
            **self._options,
        }
        # More listeners of the options stand beside these two.
        for name, own in {
            "listeners": f"{listener},CONTROLLER://{controller}",
            "advertised.listeners": listener,
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }.items():
            properties[name] = ",".join(filter(None, (own, self._options.get(name))))
        return "".join(f"{name}={value}\n" for name, value in properties.items())


@contextlib.asynccontextmanager
async def running_kafka(
    data_dir: Path, port: int | None = None, options: Mapping[str, str] | None = None
) -> AsyncIterator[KafkaServer]:
    """A running broker for the length of a block."""
    server = KafkaServer(data_dir, port, options)
    await server.start_async()
    try:
        yield server
    finally:
        await server.stop_async()


def jars() -> Path:
    """The folder with the jars of the pom, fetched when they are not there. Processes that start together wait."""
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = POM.parents[2] / "build" / f"kafka-{digest}"
    if folder.exists():
        return folder
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError("Kafka needs Maven to fetch its jars: apt-get install maven")
    draft = folder.with_suffix(".new")
    fetched = subprocess.run(  # noqa: S603 - fixed arguments
        [
            *(maven, "--quiet", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={draft}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if fetched.returncode != 0:
        raise ServerError(f"Maven could not fetch Kafka:\n{fetched.stdout}{fetched.stderr}")
    draft.rename(folder)


def _java() -> tuple[str, ...]:
    java = shutil.which("java")
    if java is None:
        raise ServerError("Kafka needs Java 17: apt-get install default-jdk-headless")
    return (java,)


def _is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
