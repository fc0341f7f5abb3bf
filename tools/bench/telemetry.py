"""What traces cost the command loop: the same commands of requests, with spans off, not sampled, and exported.

`python -m bench.telemetry` takes spans, on a free port that it prints, and throws them away: a collector has a process
of its own too.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import msgspec
from opentelemetry.trace import NoOpTracerProvider, TracerProvider
from typing_extensions import override

import event_store.tracing
import service_kit.tracing
from bench.harness import Bench, Group, Load, Reach, Result, alternate, middle
from bench.samples import VISIT_CODEC, VISITS, a_context, a_visit, seed
from event_store import CommandHandler
from event_store.postgres import PostgresEventStore, open_pool
from service_kit.tracing import current_traceparent, end_server_span, exporting, start_server_span

CALLERS: Final = 64
REACHES: Final = {0.0: 0.8, 0.1: 0.6, 1.0: 0.2}
"""Share of the traces that are sampled, to what is left of the speed."""
TOOLS: Final = Path(__file__).parents[1]


async def cost(bench: Bench) -> AsyncIterator[Result]:
    """Commands to streams of about ten events, half of which are warm, each in the span of its request."""
    calls = bench.size(6_000, 400)
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database, min_size=16, max_size=18))
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        await seed(pool, calls * 8, per_stream=8)
        sink = await opened.enter_async_context(_sink())

        async def commands(provider: TracerProvider) -> Load:
            visits = CommandHandler(store, VISITS, VISIT_CODEC, "visit")
            for key in range(0, calls, 2):
                await visits.load(tenant="north", key=key)
            with _tracing_by(provider):
                return await Load.run(CALLERS, calls, partial(_request, visits.handle))

        def to_the_sink(ratio: float) -> TracerProvider:
            provider = exporting("bench", sink, ratio)
            opened.callback(provider.shutdown)
            return provider

        off, *on = await alternate(
            bench.rounds,
            partial(commands, NoOpTracerProvider()),
            *(partial(commands, to_the_sink(ratio)) for ratio in REACHES),
        )
    floor = middle(load.rate for load in off)
    for (ratio, least), loads in zip(REACHES.items(), on, strict=True):
        yield Reach("at least", least).result(
            f"command loop, {ratio:.0%} of the traces exported; floor: off",
            "commands/s",
            middle(load.rate for load in loads),
            floor,
        )


async def _request(handle: Callable[..., Coroutine[object, object, object]], turn: int) -> None:
    """A command as a request brings it."""
    span, token = start_server_span(None)
    context = a_context()
    metadata = msgspec.structs.replace(context.metadata, traceparent=current_traceparent())
    context = msgspec.structs.replace(context, metadata=metadata)
    await handle(a_visit(), key=turn, context=context)
    end_server_span(
        span,
        token,
        method="POST",
        route="/visits",
        status=201,
        scheme="http",
        server=("127.0.0.1", 80),
    )


@contextmanager
def _tracing_by(provider: TracerProvider) -> Iterator[None]:
    """A process has one provider for ever; the bench has them in turns."""
    modules = (event_store.tracing, service_kit.tracing)
    before = [module._TRACER for module in modules]  # noqa: SLF001 - see above
    for module in modules:
        setattr(module, "_TRACER", provider.get_tracer("bench"))  # noqa: B010 - it is Final
    try:
        yield
    finally:
        for module, tracer in zip(modules, before, strict=True):
            setattr(module, "_TRACER", tracer)  # noqa: B010


@asynccontextmanager
async def _sink() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.telemetry"), cwd=TOOLS, stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise AssertionError("it was asked for")
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1/traces"
    finally:
        process.terminate()
        await process.wait()


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


MEASUREMENTS: Final[Group] = {"telemetry": cost}

if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sink) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()
