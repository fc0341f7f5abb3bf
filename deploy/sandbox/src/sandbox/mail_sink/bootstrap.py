"""Puts the mail and SMS sink together."""

import argparse
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from sandbox.clock import Clock, OffsetClock
from sandbox.mail_sink import api, pages, sms, smtp
from sandbox.mail_sink.dependencies import Sink
from sandbox.mail_sink.store import Store
from sandbox.web import add_liveness, listen, port_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--smtp-port", type=port_number, required=True, help="SMTP port")
    parser.add_argument(
        "--sms-api-id", metavar="ID", default="sandbox", help="the api_id that SMS senders show"
    )


def start(options: argparse.Namespace, _: str) -> FastAPI:
    """The app that the command line asks for."""
    smtp_listener = listen(options.host, options.smtp_port)
    host, port = smtp_listener.getsockname()[:2]
    sys.stdout.write(f"mail takes SMTP on {host}:{port}\n")
    return build(
        folder=options.data,
        clock=OffsetClock(options.clock_file),
        smtp_listener=smtp_listener,
        api_id=options.sms_api_id,
    )


def build(*, folder: Path, clock: Clock, smtp_listener: socket.socket, api_id: str) -> FastAPI:
    """The app; its lifespan serves SMTP on the given socket and closes the store."""
    sink = Sink(store=Store(folder), clock=clock, api_id=api_id)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server = await smtp.listen(smtp_listener, smtp.Mailbox(sink.store, clock))
        yield
        server.close()
        sink.store.close()

    app = FastAPI(title="Sandbox mail and SMS", lifespan=lifespan)
    app.state.sink = sink
    app.include_router(api.router)
    app.include_router(sms.router)
    app.include_router(pages.router)
    add_liveness(app)
    return app
