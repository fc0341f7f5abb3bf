"""The client, set up for the store, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc
import grpc.aio
import kurrentdbclient as kurrent
from kurrentdbclient import exceptions
from kurrentdbclient.asyncio_client import autoreconnect, retrygrpc
from kurrentdbclient.common import GrpcStreamersCollectionClosedError

from event_store.records import StoreRefused, StoreUnavailable

__all__ = ["DEADLINE", "connect", "head", "newest", "next_behind", "translated_errors"]

DEADLINE: Final = 5.0
"""Seconds for one call; shorter than the grace that the client gives to calls of a connection it replaces."""

_OPTIONS: Final = (
    # Two channels to one address would else share a connection, and its limit of streams (100 in the server).
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
)
_KEEP_ALIVE: Final = (("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 10_000))

_UNAVAILABLE: Final = (
    exceptions.KurrentDBClientError,
    GrpcStreamersCollectionClosedError,
    grpc.RpcError,
    grpc.aio.UsageError,
    OSError,
    TimeoutError,
)
_NO_OUTAGE: Final = (
    exceptions.WrongCurrentVersionError,
    exceptions.NotFoundError,
    exceptions.StreamIsDeletedError,
    exceptions.StreamTombstonedError,
    exceptions.BadRequestError,
    exceptions.InvalidArgumentError,
    exceptions.InvalidCommitPositionError,
    exceptions.InvalidTransactionError,
    exceptions.MaximumAppendSizeExceededError,
    exceptions.TransactionMaxSizeExceededError,
)
"""Answers, and faults that no repeat cures: they go up as they are."""

_DENIED: Final = (
    "the user may not read $all or its streams in KurrentDB: see the rights in deploy/README.md"
)


def connect(url: str) -> kurrent.AsyncKurrentDBClient:
    """A client that connects when it is first used; address, TLS and credentials are in `url`.

    Raises ValueError for a connection string that is none, or that prefers another node than the leader: decisions
    are made on what was read.
    """
    client = kurrent.AsyncKurrentDBClient(url)
    options = client.connection_spec.options
    if options.node_preference != "leader":
        raise ValueError("the store reads from the leader: leave NodePreference out")
    client.grpc_options += _OPTIONS
    if options.keep_alive_interval is None:
        client.grpc_options += _KEEP_ALIVE
    return client


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises StoreUnavailable for every error that a repeat may cure, StoreRefused where rights are missing."""
    try:
        yield
    except _NO_OUTAGE:
        raise
    except exceptions.AccessDeniedError as error:
        raise StoreRefused(_DENIED) from error
    except exceptions.UnauthenticatedError as error:
        raise StoreRefused("KurrentDB does not know this user or password") from error
    except _UNAVAILABLE as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


# The client's own calls end their care where a response begins; these read it to its end inside. Those with a filter
# have no deadline: the server may have to look through the whole log. Keep-alive ends them when it is gone.


@retrygrpc
@autoreconnect
async def head(client: kurrent.AsyncKurrentDBClient) -> int:
    """The commit position of the last record of the log, whosever it is; 0 in an empty one."""
    async with await client.read_all(
        backwards=True, filter_exclude=(), limit=1, timeout=DEADLINE
    ) as response:
        found = [record.commit_position async for record in response]
    return found[0] if found else 0


@retrygrpc
@autoreconnect
async def newest(
    client: kurrent.AsyncKurrentDBClient, prefixes: list[str]
) -> kurrent.RecordedEvent | None:
    """The last event of all streams with one of `prefixes`."""
    async with await client.read_all(
        backwards=True,
        filter_include=prefixes,
        filter_by_stream_name=True,
        filter_by_prefix=True,
        limit=1,
    ) as response:
        found = [event async for event in response]
    return found[0] if found else None


@retrygrpc
@autoreconnect
async def next_behind(
    client: kurrent.AsyncKurrentDBClient, prefixes: list[str], position: int
) -> bool:
    """Whether any stream with one of `prefixes` has an event behind `position`."""
    async with await client.read_all(
        commit_position=position or None,
        filter_include=prefixes,
        filter_by_stream_name=True,
        filter_by_prefix=True,
        limit=2,  # the read begins at the position, not behind it
    ) as response:
        return any([event.commit_position > position async for event in response])
