"""The routes of YooKassa API v3 that the suite uses."""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from sandbox.acquirer.acquirer import Acquirer, Shop, payment_of, refund_of
from sandbox.acquirer.ledger import Book, Kind, Stored, Wanted
from sandbox.acquirer.objects import Json, payment_object, receipt_object, refund_object
from sandbox.acquirer.payments import HIGHEST_KOPECKS, Payment, Refund
from sandbox.acquirer.refusals import Refusal, not_found, wrong_credentials
from sandbox.acquirer.requests import (
    CaptureRequest,
    PaymentRequest,
    ReceiptRequest,
    RefundRequest,
)

router = APIRouter(prefix="/v3")


def acquirer_of(request: Request) -> Acquirer:
    acquirer: Acquirer = request.app.state.acquirer
    return acquirer


AcquirerDep = Annotated[Acquirer, Depends(acquirer_of)]


async def admitted(request: Request, acquirer: AcquirerDep) -> Shop:
    """The shop that calls, after the misbehaviour it asked for."""
    shop_id, secret = _credentials(request.headers.get("authorization", ""))
    shop, behaviour = await run_in_threadpool(acquirer.admit, shop_id, secret)
    await asyncio.sleep(behaviour.slow_seconds)
    return shop


ShopDep = Annotated[Shop, Depends(admitted)]


class Posted:
    """A POST of a shop: its work is done once per idempotence key."""

    def __init__(self, acquirer: Acquirer, shop: Shop, key: str | None, request: bytes) -> None:
        self.acquirer = acquirer
        self.shop = shop
        self._key = key
        self._request = request

    def answer(self, work: Callable[[Book], Json]) -> Response:
        body = self.acquirer.once(self.shop, self._key, self._request, work)
        return Response(body, media_type="application/json")


async def posted(
    request: Request,
    acquirer: AcquirerDep,
    shop: ShopDep,
    idempotence_key: Annotated[str | None, Header()] = None,
) -> Posted:
    body = await request.body()
    return Posted(acquirer, shop, idempotence_key, f"{request.url.path}\n".encode() + body)


PostedDep = Annotated[Posted, Depends(posted)]


class Paging(BaseModel):
    """The filters that every list knows."""

    model_config = ConfigDict(populate_by_name=True)

    created_from: Annotated[datetime | None, Field(alias="created_at.gte")] = None
    created_after: Annotated[datetime | None, Field(alias="created_at.gt")] = None
    created_to: Annotated[datetime | None, Field(alias="created_at.lte")] = None
    created_before: Annotated[datetime | None, Field(alias="created_at.lt")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    cursor: Annotated[int | None, Field(ge=1)] = None
    status: Literal["pending", "waiting_for_capture", "succeeded", "canceled"] | None = None
    payment_id: str | None = None
    refund_id: str | None = None


PagingDep = Annotated[Paging, Query()]


@router.get("/me")
def show_account(shop: ShopDep) -> Json:
    """The settings of the calling shop."""
    return {
        "account_id": shop.id,
        "status": "enabled",
        "test": True,
        "fiscalization_enabled": shop.fiscal,
        "payment_methods": list(HIGHEST_KOPECKS),
    }


@router.post("/payments")
def create_payment(call: PostedDep, body: PaymentRequest) -> Response:
    """Start a payment; the payer confirms it on the page of `confirmation_url`."""
    return call.answer(lambda book: call.acquirer.create_payment(book, call.shop, body))


@router.get("/payments")
def list_payments(acquirer: AcquirerDep, shop: ShopDep, paging: PagingDep) -> Json:
    """Payments of the shop, newest first."""
    return _list(acquirer, shop, "payment", None, paging)


@router.get("/payments/{payment_id}")
def show_payment(acquirer: AcquirerDep, shop: ShopDep, payment_id: str) -> Json:
    """One payment as it is now."""
    with acquirer.reading() as book:
        return payment_object(payment_of(book, payment_id, shop), acquirer.page_url)


@router.post("/payments/{payment_id}/capture")
def capture_payment(
    call: PostedDep, payment_id: str, body: CaptureRequest | None = None
) -> Response:
    """Take the held money, wholly or in part."""
    asked = body or CaptureRequest()
    return call.answer(lambda book: call.acquirer.capture(book, call.shop, payment_id, asked))


@router.post("/payments/{payment_id}/cancel")
def cancel_payment(call: PostedDep, payment_id: str) -> Response:
    """Let the held money go."""
    return call.answer(lambda book: call.acquirer.cancel(book, call.shop, payment_id))


@router.post("/refunds")
def create_refund(call: PostedDep, body: RefundRequest) -> Response:
    """Give money back, wholly or in part."""
    return call.answer(lambda book: call.acquirer.refund(book, call.shop, body))


@router.get("/refunds")
def list_refunds(acquirer: AcquirerDep, shop: ShopDep, paging: PagingDep) -> Json:
    """Refunds of the shop or of one payment, newest first."""
    return _list(acquirer, shop, "refund", paging.payment_id, paging)


@router.get("/refunds/{refund_id}")
def show_refund(acquirer: AcquirerDep, shop: ShopDep, refund_id: str) -> Json:
    """One refund as it is now."""
    with acquirer.reading() as book:
        return refund_object(refund_of(book, refund_id, shop))


@router.post("/receipts")
def create_receipt(call: PostedDep, body: ReceiptRequest) -> Response:
    """Register a receipt apart from a payment: closing, or of a refund."""
    return call.answer(lambda book: call.acquirer.register_receipt(book, call.shop, body))


@router.get("/receipts")
def list_receipts(acquirer: AcquirerDep, shop: ShopDep, paging: PagingDep) -> Json:
    """Receipts of the shop, of one payment or of one refund, newest first."""
    return _list(acquirer, shop, "receipt", paging.payment_id or paging.refund_id, paging)


@router.get("/receipts/{receipt_id}")
def show_receipt(acquirer: AcquirerDep, shop: ShopDep, receipt_id: str) -> Json:
    """One receipt as it is now."""
    with acquirer.reading() as book:
        receipt = book.receipt(receipt_id, shop_id=shop.id)
    if receipt is None:
        raise not_found("Receipt", "receipt_id")
    return receipt_object(receipt)


def refused(refusal: Refusal) -> JSONResponse:
    """The error object of the API."""
    error = {
        "type": "error",
        "id": secrets.token_hex(16),
        "code": refusal.code,
        "description": refusal.description,
    }
    if refusal.parameter:
        error["parameter"] = refusal.parameter
    return JSONResponse(error, refusal.status)


def shown(acquirer: Acquirer, item: Stored) -> Json:
    """Any stored thing as its JSON object."""
    match item:
        case Payment():
            return payment_object(item, acquirer.page_url)
        case Refund():
            return refund_object(item)
        case _:
            return receipt_object(item)


def _list(
    acquirer: Acquirer, shop: Shop, kind: Kind, parent_id: str | None, paging: Paging
) -> Json:
    wanted = Wanted(
        kind=kind,
        shop_id=shop.id,
        parent_id=parent_id,
        status=paging.status,
        created_from=paging.created_from,
        created_after=paging.created_after,
        created_to=paging.created_to,
        created_before=paging.created_before,
        before_position=paging.cursor,
        limit=paging.limit,
    )
    with acquirer.reading() as book:
        found, following = book.find(wanted)
    listed: Json = {"type": "list", "items": [shown(acquirer, item) for item in found]}
    if following is not None:
        listed["next_cursor"] = str(following)
    return listed


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        shop_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise wrong_credentials() from error
    if scheme.lower() != "basic" or not colon:
        raise wrong_credentials()
    return shop_id, secret
