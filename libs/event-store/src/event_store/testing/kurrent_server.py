"""A test instrument: the calls that `event_store.kurrent` makes, served in this process over gRPC from memory.

It is made from the client's own protocol stubs and answers as the server's sources say it answers: the append's
statuses, the filtered reads of `$all`, catch-up subscriptions with their checkpoints and caught-up messages, the
leader's address from a node that is none. It can fail on purpose, which a real server does not do on request. Whatever
runs against it without faults runs unchanged against a real server; it proves the adapter and nothing about KurrentDB,
keeps nothing, and is never a way to run the suite.
"""

import asyncio
import re
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import grpc
import grpc.aio
from google.protobuf import any_pb2
from kurrentdbclient.protos.google.rpc import code_pb2
from kurrentdbclient.protos.v1 import (
    gossip_pb2,
    gossip_pb2_grpc,
    shared_pb2,
    status_pb2,
    streams_pb2,
    streams_pb2_grpc,
)
from typing_extensions import override

from event_store.testing.kurrent_log import (
    ANY,
    EXISTS,
    NO_STREAM,
    Log,
    NotThere,
    Proposal,
    Stored,
    Tombstoned,
    WrongExpectedVersion,
)

__all__ = ["KurrentInstrument", "running_instrument"]

_HOST: Final = "127.0.0.1"
_OPTIONS: Final = (
    ("grpc.max_concurrent_streams", 100),  # as Kestrel has it
    ("grpc.max_receive_message_length", 17 * 1024 * 1024),
)

Context = Any
"""`grpc.aio.ServicerContext`; the package has no types."""


@dataclass(frozen=True)
class Tls:
    """PEM texts of a server's key and certificate, and where a client finds the certificate."""

    key: bytes
    certificate: bytes
    file: str


@dataclass
class Faults:
    """What goes wrong next. Counts go down with each fault."""

    refused_calls: int = 0
    lost_answers: int = 0
    """Appends that are stored, and whose answer does not arrive."""
    not_ready: int = 0
    """Appends that are answered by a status without details."""
    held: set[str] = field(default_factory=set)
    """Streams whose appends wait for `release`."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    denies_all: bool = False
    """The user may not read `$all`, as by default only those in `$admins` may."""
    filtered_read_seconds: float = 0.0
    """How long the server looks through the log, where a read has a filter."""
    caught_up_has_position: bool = True
    """Servers before 25 leave it out."""

    def take(self, name: str) -> bool:
        """Whether it goes wrong this time."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0


class KurrentInstrument:
    """One log behind one or several nodes of which one leads. Use `running_instrument`."""

    def __init__(self, tls: Tls | None, credentials: tuple[str, str] | None) -> None:
        self.log, self.faults, self.calls = Log(), Faults(), Counter[str]()
        self.leader: int | None = 0
        self.most_at_once = self._at_once = 0
        self.ports: list[int] = []
        self._tls, self._credentials = tls, credentials
        self._servers: list[Any] = []
        self._news = asyncio.Event()
        self._cut = asyncio.Event()
        self._mute = asyncio.Event()

    @property
    def uri(self) -> str:
        """The connection string."""
        hosts = ",".join(f"{_HOST}:{port}" for port in self.ports)
        if self._tls is None:
            return f"kurrentdb://{hosts}?tls=false&maxDiscoverAttempts=50"
        user = "" if self._credentials is None else "{}:{}@".format(*self._credentials)
        return f"kurrentdb://{user}{hosts}?tls=true&tlsCaFile={self._tls.file}"

    async def start(self, node: int) -> None:
        """Start a node, at its old address when it had one."""
        server = grpc.aio.server(options=_OPTIONS)
        streams_pb2_grpc.add_StreamsServicer_to_server(_Streams(self, node), server)  # type: ignore[no-untyped-call]
        gossip_pb2_grpc.add_GossipServicer_to_server(_Gossip(self), server)  # type: ignore[no-untyped-call]
        address = f"{_HOST}:{self.ports[node] if node < len(self.ports) else 0}"
        if self._tls is None:
            port = server.add_insecure_port(address)
        else:
            pair = [(self._tls.key, self._tls.certificate)]
            port = server.add_secure_port(address, grpc.ssl_server_credentials(pair))
        await server.start()
        self.ports[node:] = [port, *self.ports[node + 1 :]]
        self._servers[node:] = [server, *self._servers[node + 1 :]]

    async def stop(self, node: int) -> None:
        """Stop a node at once; calls in flight are lost."""
        await self._servers[node].stop(None)

    async def close(self) -> None:
        """Stop all nodes."""
        self.faults.release.set()
        for server in self._servers:
            await server.stop(None)

    def elect(self, node: int | None) -> None:
        """Let another node lead, or none. Who follows the old one is sent away."""
        self.leader = node
        self.cut()

    def cut(self) -> None:
        """End every subscription."""
        self._cut.set()
        self._cut = asyncio.Event()

    def mute(self) -> None:
        """Let every subscription that is open now stay open and fall silent."""
        self._mute.set()
        self._mute = asyncio.Event()

    # What the services share

    async def check(self, node: int, context: Context, *, needs_leader: bool | None = None) -> None:
        """Abort a call that this node does not serve."""
        metadata = dict(context.invocation_metadata())
        if self._credentials is not None:
            wanted = b64encode(":".join(self._credentials).encode()).decode()
            if metadata.get("authorization") not in {f"Basic {wanted}", f"Basic {wanted}".encode()}:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "unauthenticated")
        if self.faults.take("refused_calls"):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "refused on purpose")
        if needs_leader is None:
            needs_leader = metadata.get("requires-leader") == "true"
        if needs_leader and self.leader != node:
            await self._point_to_leader(context)

    async def _point_to_leader(self, context: Context) -> None:
        if self.leader is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Server Is Not Ready")
        await context.abort(
            grpc.StatusCode.NOT_FOUND,
            "Leader info available",
            (
                ("exception", "not-leader"),
                ("leader-endpoint-host", _HOST),
                ("leader-endpoint-port", str(self.ports[self.leader or 0])),
            ),
        )

    @asynccontextmanager
    async def appending(self, stream: str) -> AsyncIterator[None]:
        """Counts how many are at it, and holds those that are to be held."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if stream in self.faults.held:
                await self.faults.release.wait()
            yield
        finally:
            self._at_once -= 1

    def announce(self) -> None:
        """Wake the subscriptions."""
        self._news.set()
        self._news = asyncio.Event()

    async def follow(
        self, node: int, options: streams_pb2.ReadReq.Options, context: Context
    ) -> AsyncIterator[streams_pb2.ReadResp]:
        """One catch-up subscription to `$all`."""
        cut, mute = self._cut, self._mute
        yield streams_pb2.ReadResp(
            confirmation=streams_pb2.ReadResp.SubscriptionConfirmation(subscription_id="1")
        )
        fits, place = _filter(options.filter), _position_of(options.all) or 0
        interval = options.filter.max * options.filter.checkpointIntervalMultiplier
        index = considered = 0
        is_live, is_on_event = False, True
        while not cut.is_set():
            news = self._news
            while index < len(self.log.records) and not mute.is_set():
                record = self.log.records[index]
                index += 1
                if record.position <= place:
                    continue
                place, is_on_event = record.position, fits(record)
                considered += 1
                if is_on_event:
                    yield _event(record)
                if considered % interval == 0:
                    yield _checkpoint(place, is_record=is_live or is_on_event)
            if not is_live:
                is_live = True
                if place:
                    yield _checkpoint(place, is_record=is_on_event)
                yield self._caught_up(place)
            await _first_of(news if not mute.is_set() else cut, cut)
        if self.leader != node:
            await self._point_to_leader(context)
        await context.abort(grpc.StatusCode.ABORTED, "Operation timed out: Consumer too slow")

    def _caught_up(self, place: int) -> streams_pb2.ReadResp:
        message = streams_pb2.ReadResp.CaughtUp()
        if place and self.faults.caught_up_has_position:
            message.position.commit_position = message.position.prepare_position = place
        return streams_pb2.ReadResp(caught_up=message)


@asynccontextmanager
async def running_instrument(
    nodes: int = 1, *, tls: Tls | None = None, credentials: tuple[str, str] | None = None
) -> AsyncIterator[KurrentInstrument]:
    """An empty log behind `nodes` servers on free local ports; the first one leads."""
    instrument = KurrentInstrument(tls, credentials)
    try:
        for node in range(nodes):
            await instrument.start(node)
        yield instrument
    finally:
        await instrument.close()


class _Gossip(gossip_pb2_grpc.GossipServicer):
    def __init__(self, instrument: KurrentInstrument) -> None:
        self._instrument = instrument

    @override
    async def Read(self, _request: object, _context: Context) -> gossip_pb2.ClusterInfo:
        states = gossip_pb2.MemberInfo.VNodeState
        return gossip_pb2.ClusterInfo(
            members=[
                gossip_pb2.MemberInfo(
                    state=states.Leader if node == self._instrument.leader else states.Follower,
                    is_alive=True,
                    http_end_point=gossip_pb2.EndPoint(address=_HOST, port=port),
                )
                for node, port in enumerate(self._instrument.ports)
            ]
        )


class _Streams(streams_pb2_grpc.StreamsServicer):
    def __init__(self, instrument: KurrentInstrument, node: int) -> None:
        self._instrument, self._node = instrument, node

    @override
    async def Read(
        self, request: streams_pb2.ReadReq, context: Context
    ) -> AsyncIterator[streams_pb2.ReadResp]:
        self._instrument.calls["Read"] += 1
        await self._instrument.check(self._node, context)
        options = request.options
        await self._permit(options, context)
        backwards = options.read_direction == streams_pb2.ReadReq.Options.Backwards
        if options.WhichOneof("count_option") == "subscription":
            async for message in self._instrument.follow(self._node, options, context):
                yield message
            return
        limit = min(options.count, sys.maxsize)
        if options.WhichOneof("stream_option") == "all":
            if options.WhichOneof("filter_option") == "filter":
                await asyncio.sleep(self._instrument.faults.filtered_read_seconds)
            for record in self._instrument.log.read_all(
                _position_of(options.all), _filter(options.filter), limit, backwards=backwards
            ):
                yield _event(record)
            return
        name = options.stream.stream_identifier.stream_name.decode()
        place = (
            options.stream.revision
            if options.stream.WhichOneof("revision_option") == "revision"
            else None
        )
        try:
            records = self._instrument.log.read_stream(name, place, limit, backwards=backwards)
        except NotThere:
            yield streams_pb2.ReadResp(
                stream_not_found=streams_pb2.ReadResp.StreamNotFound(
                    stream_identifier=options.stream.stream_identifier
                )
            )
        except Tombstoned:
            await _abort_deleted(context, name)
        else:
            for record in records:
                yield _event(record)

    async def _permit(self, options: streams_pb2.ReadReq.Options, context: Context) -> None:
        if self._instrument.faults.denies_all and options.WhichOneof("stream_option") == "all":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "Access Denied")

    @override
    async def BatchAppend(
        self, requests: AsyncIterator[streams_pb2.BatchAppendReq], context: Context
    ) -> AsyncIterator[streams_pb2.BatchAppendResp]:
        async for request in requests:
            self._instrument.calls["BatchAppend"] += 1
            await self._instrument.check(self._node, context, needs_leader=True)
            name = request.options.stream_identifier.stream_name.decode()
            async with self._instrument.appending(name):
                answer = self._append(name, request)
            if self._instrument.faults.take("lost_answers"):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            answer.correlation_id.CopyFrom(request.correlation_id)
            answer.stream_identifier.CopyFrom(request.options.stream_identifier)
            yield answer

    def _append(
        self, name: str, request: streams_pb2.BatchAppendReq
    ) -> streams_pb2.BatchAppendResp:
        if self._instrument.faults.take("not_ready"):
            return _refused("Server Is Not Ready", shared_pb2.Empty(), code_pb2.UNKNOWN)
        events = [_proposal(message) for message in request.proposed_messages]
        try:
            last = self._instrument.log.append(name, events, _expected(request.options))
        except WrongExpectedVersion as wrong:
            detail = shared_pb2.WrongExpectedVersion()
            if wrong.actual == NO_STREAM:
                detail.current_no_stream.SetInParent()
            else:
                detail.current_stream_revision = wrong.actual
            return _refused("WrongExpectedVersion", detail, code_pb2.ALREADY_EXISTS)
        except Tombstoned:
            deleted = shared_pb2.StreamDeleted(stream_identifier=request.options.stream_identifier)
            return _refused("StreamDeleted", deleted, code_pb2.NOT_FOUND)
        self._instrument.announce()
        return streams_pb2.BatchAppendResp(
            success=streams_pb2.BatchAppendResp.Success(
                current_revision=last.revision,
                position=shared_pb2.AllStreamPosition(
                    commit_position=last.position, prepare_position=last.position
                ),
            )
        )

    @override
    async def Delete(
        self, request: streams_pb2.DeleteReq, context: Context
    ) -> streams_pb2.DeleteResp:
        position = await self._delete(request.options, context, for_good=False)
        place = streams_pb2.DeleteResp.Position(commit_position=position, prepare_position=position)
        return streams_pb2.DeleteResp(position=place)

    @override
    async def Tombstone(
        self, request: streams_pb2.TombstoneReq, context: Context
    ) -> streams_pb2.TombstoneResp:
        position = await self._delete(request.options, context, for_good=True)
        place = streams_pb2.TombstoneResp.Position(
            commit_position=position, prepare_position=position
        )
        return streams_pb2.TombstoneResp(position=place)

    async def _delete(
        self,
        options: streams_pb2.DeleteReq.Options | streams_pb2.TombstoneReq.Options,
        context: Context,
        *,
        for_good: bool,
    ) -> int:
        await self._instrument.check(self._node, context, needs_leader=True)
        name = options.stream_identifier.stream_name.decode()
        try:
            return self._instrument.log.delete(name, for_good=for_good)
        except (NotThere, Tombstoned):
            await _abort_deleted(context, name)
            raise


async def _abort_deleted(context: Context, name: str) -> None:
    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Event stream '{name}' is deleted.")


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _position_of(options: streams_pb2.ReadReq.Options.AllOptions) -> int | None:
    return (
        options.position.commit_position if options.WhichOneof("all_option") == "position" else None
    )


def _filter(options: streams_pb2.ReadReq.Options.FilterOptions) -> Callable[[Stored], bool]:
    if options.WhichOneof("filter") is None:
        return lambda _record: True
    by_stream = options.WhichOneof("filter") == "stream_identifier"
    expression = options.stream_identifier if by_stream else options.event_type

    def fits(record: Stored) -> bool:
        text = record.stream if by_stream else record.event.type
        if expression.regex:
            return re.search(expression.regex, text) is not None
        return text.startswith(tuple(expression.prefix))

    return fits


def _expected(options: streams_pb2.BatchAppendReq.Options) -> int:
    states = {"no_stream": NO_STREAM, "any": ANY, "stream_exists": EXISTS}
    state = options.WhichOneof("expected_stream_position")
    return states.get(str(state), options.stream_position)


def _proposal(message: streams_pb2.BatchAppendReq.ProposedMessage) -> Proposal:
    return Proposal(
        UUID(message.id.string),
        message.metadata["type"],
        message.metadata["content-type"],
        message.data,
        message.custom_metadata,
    )


def _refused(
    message: str, detail: Any, code: "code_pb2.Code.ValueType"
) -> streams_pb2.BatchAppendResp:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return streams_pb2.BatchAppendResp(
        error=status_pb2.Status(code=code, message=message, details=packed)
    )


def _event(record: Stored) -> streams_pb2.ReadResp:
    event = streams_pb2.ReadResp.ReadEvent.RecordedEvent(
        id=shared_pb2.UUID(string=str(record.event.id)),
        stream_identifier=shared_pb2.StreamIdentifier(stream_name=record.stream.encode()),
        stream_revision=record.revision,
        prepare_position=record.position,
        commit_position=record.position,
        metadata={
            "type": record.event.type,
            "content-type": record.event.content_type,
            "created": str(int(record.created * 10_000_000)),
        },
        custom_metadata=record.event.metadata,
        data=record.event.data,
    )
    return streams_pb2.ReadResp(
        event=streams_pb2.ReadResp.ReadEvent(event=event, commit_position=record.position)
    )


def _checkpoint(position: int, *, is_record: bool) -> streams_pb2.ReadResp:
    """While it catches up past hidden events the server gives the edge of a page, with no prepare position."""
    return streams_pb2.ReadResp(
        checkpoint=streams_pb2.ReadResp.Checkpoint(
            commit_position=position, prepare_position=position if is_record else 0
        )
    )
