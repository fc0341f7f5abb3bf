"""Puts the certificate authority together."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from sandbox.certificate_authority.api import router
from sandbox.certificate_authority.authority import Authority
from sandbox.certificate_authority.timestamps import TimestampService
from sandbox.clock import Clock, OffsetClock
from sandbox.web import add_liveness


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--public-url", metavar="URL", help="how verifiers reach the lists, when not by host:port"
    )


def start(options: argparse.Namespace, address: str) -> FastAPI:
    """The app that the command line asks for."""
    return build(
        folder=options.data,
        clock=OffsetClock(options.clock_file),
        public_url=options.public_url or address,
    )


def build(*, folder: Path, clock: Clock, public_url: str) -> FastAPI:
    """The app; its lifespan closes the store."""
    authority = Authority(folder=folder, clock=clock, public_url=public_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        authority.close()

    app = FastAPI(title="Sandbox certificate authority", lifespan=lifespan)
    app.state.authority = authority
    app.state.timestamps = TimestampService(
        identity=authority.timestamping, issuing=authority.issuing, clock=clock
    )
    app.include_router(router)
    add_liveness(app)
    return app
