"""Puts the check of tokens together."""

import argparse

from fastapi import FastAPI

from sandbox.clock import Clock, OffsetClock
from sandbox.smartcaptcha import api
from sandbox.smartcaptcha.tokens import Tokens
from sandbox.web import add_liveness


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server-key", metavar="KEY", default="sandbox", help="the secret that servers show"
    )


def start(options: argparse.Namespace, _: str) -> FastAPI:
    """The app that the command line asks for."""
    return build(clock=OffsetClock(options.clock_file), server_key=options.server_key)


def build(*, clock: Clock, server_key: str) -> FastAPI:
    app = FastAPI(title="Sandbox SmartCaptcha")
    app.state.tokens, app.state.server_key = Tokens(clock), server_key
    app.include_router(api.router)
    add_liveness(app)
    return app
