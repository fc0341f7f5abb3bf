"""The SMTP side: every letter that is accepted is kept before the answer."""

import asyncio
import socket

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.concurrency import run_in_threadpool

from sandbox.clock import Clock
from sandbox.mail_sink.letters import parse
from sandbox.mail_sink.store import Store

LARGEST_BYTES = 25 * 1024 * 1024


class Mailbox:
    """Handler of aiosmtpd; the name of the hook is prescribed by it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the letter, or misbehave as told."""
        behaviour = await run_in_threadpool(self._store.behaviour)
        await asyncio.sleep(behaviour.slow_seconds)
        if await run_in_threadpool(self._store.spend, "refuse_next"):
            return f"{behaviour.refuse_code} Refused by order of the sandbox"
        number = await run_in_threadpool(self._keep, envelope)
        if await run_in_threadpool(self._store.spend, "drop_after_accept"):
            _cut(server)
        return f"250 OK: kept as {number}"

    def _keep(self, envelope: Envelope) -> int:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        letter = parse(raw)
        return self._store.add(
            kind="email",
            sender=envelope.mail_from or "",
            recipients=envelope.rcpt_tos,
            subject=letter.subject,
            identity=letter.message_id,
            content=raw,
            now=self._clock(),
        )


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


async def listen(listener: socket.socket, mailbox: Mailbox) -> asyncio.Server:
    """Speak SMTP on a bound socket."""
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            mailbox, hostname="sandbox", data_size_limit=LARGEST_BYTES, enable_SMTPUTF8=True
        ),
        sock=listener,
    )
