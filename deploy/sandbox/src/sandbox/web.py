"""What the HTTP side of every twin shares: pages, liveness, and a server that stops cleanly."""

import argparse
import signal
import socket
import sys
from collections.abc import Callable
from datetime import datetime

import jinja2
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse


def rubles(kopecks: int) -> str:
    """150000 -> '1 500,00 ₽', as a Russian reader expects."""
    return f"{kopecks // 100:,}".replace(",", "\u00a0") + f",{kopecks % 100:02}\u00a0₽"


def instant(value: datetime) -> str:
    """Seconds are enough for a human eye; the zone is named."""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


_pages = jinja2.Environment(loader=jinja2.PackageLoader("sandbox"), autoescape=True)
_pages.filters.update(rubles=rubles, instant=instant)


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Render a template of this package."""
    return HTMLResponse(_pages.get_template(template).render(**values), status)


def add_liveness(app: FastAPI) -> None:
    """Answer `GET /livez`, so that a supervisor can tell that the twin is up."""

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "ok"}


def port_number(text: str) -> int:
    """Parse a TCP port; 0 means any."""
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is between 0 and 65535")
    return port


def listen(host: str, port: int) -> socket.socket:
    """Bind first, so that a taken port is told before anything else happens."""
    return socket.create_server((host, port), backlog=512)


def serve(name: str, listener: socket.socket, build: Callable[[str], FastAPI]) -> None:
    """Serve the app that `build` makes for this address until SIGTERM or SIGINT."""
    host, port = listener.getsockname()[:2]
    address = f"http://{host}:{port}"
    server = uvicorn.Server(
        uvicorn.Config(
            build(address),
            log_level="warning",
            # "on": a background task that breaks down is reported, not taken for a missing feature.
            lifespan="on",
            access_log=False,
            timeout_graceful_shutdown=3,
        )
    )
    # uvicorn raises the caught signal again after its shutdown; a stop on request is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    sys.stdout.write(f"{name} listens on {address}\n")
    sys.stdout.flush()
    server.run(sockets=[listener])
