"""Puts the acquirer together."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from sandbox.acquirer import api, control, page
from sandbox.acquirer.acquirer import Acquirer, Shop
from sandbox.acquirer.ledger import Ledger
from sandbox.acquirer.notifier import Notifier
from sandbox.acquirer.receipts import illegal
from sandbox.acquirer.refusals import Refusal, invalid
from sandbox.acquirer.settings import AcquirerSettings
from sandbox.clock import Clock, OffsetClock
from sandbox.web import add_liveness


def shop(text: str) -> Shop:
    """Parse `id:secret:callback_url`."""
    shop_id, _, rest = text.partition(":")
    secret, _, callback_url = rest.partition(":")
    address = urlsplit(callback_url)
    if not (shop_id and secret and address.scheme in ("http", "https") and address.hostname):
        raise argparse.ArgumentTypeError("expected id:secret:http://callback")
    return Shop(id=shop_id, secret=secret, callback_url=callback_url)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shop",
        dest="shops",
        metavar="ID:SECRET:CALLBACK_URL",
        type=shop,
        action="append",
        default=[],
        help="a shop and where its notifications go; may be repeated (or a JSON list in ACQUIRER_SHOPS)",
    )
    parser.add_argument(
        "--fiscal",
        metavar="ID",
        action="append",
        default=[],
        help="this shop must send receipts (54-FZ); may be repeated",
    )

    parser.add_argument(
        "--public-url", metavar="URL", help="how a payer reaches the page, when not by host:port"
    )


def start(options: argparse.Namespace, address: str) -> FastAPI:
    """The app that the command line asks for."""
    fiscal = set(options.fiscal)
    private = [shop(text.get_secret_value()) for text in AcquirerSettings().shops]
    shops = [*options.shops, *private]
    if not shops:
        raise argparse.ArgumentTypeError("argument --shop: there must be one")
    known = {shop.id for shop in shops}
    if len(known) < len(shops):
        raise argparse.ArgumentTypeError("argument --shop: two shops have the same id")
    if not fiscal <= known:
        raise argparse.ArgumentTypeError("argument --fiscal: there is no such shop")
    return build(
        folder=options.data,
        clock=OffsetClock(options.clock_file),
        shops=[replace(shop, fiscal=shop.id in fiscal) for shop in shops],
        public_url=options.public_url or address,
    )


def build(
    *,
    folder: Path,
    clock: Clock,
    shops: Sequence[Shop],
    public_url: str,
) -> FastAPI:
    """The app; its lifespan delivers notifications and closes the ledger."""
    ledger = Ledger(folder)
    acquirer = Acquirer(
        ledger=ledger,
        clock=clock,
        shops={shop.id: shop for shop in shops},
        public_url=public_url,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Callbacks go to this machine or a neighbour: a proxy of the environment is not for them.
        async with httpx.AsyncClient(trust_env=False) as sender, asyncio.TaskGroup() as group:
            delivering = group.create_task(Notifier(acquirer, sender).run())
            yield
            delivering.cancel()
        ledger.close()

    app = FastAPI(title="Sandbox acquirer", lifespan=lifespan)
    app.state.acquirer = acquirer
    app.include_router(api.router)
    app.include_router(control.router)
    app.include_router(page.router)
    add_liveness(app)
    app.exception_handler(Refusal)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(HTTPException)(_unknown_route)
    return app


async def _refused(_: Request, refusal: Refusal) -> JSONResponse:
    return api.refused(refusal)


async def _malformed(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    parameter = ".".join(str(part) for part in first["loc"][1:])
    if parameter.startswith("receipt"):
        return api.refused(illegal(parameter))
    return api.refused(invalid(first["msg"], parameter or None))


async def _unknown_route(_: Request, error: HTTPException) -> JSONResponse:
    code = "not_found" if error.status_code == 404 else "invalid_request"
    return api.refused(Refusal(error.status_code, code, str(error.detail)))
