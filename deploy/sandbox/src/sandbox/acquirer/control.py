"""The strings of the puppet: what a test or an operator may see and order."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from sandbox.acquirer.acquirer import Acquirer
from sandbox.acquirer.api import AcquirerDep, shown
from sandbox.acquirer.behaviour import Behaviour
from sandbox.acquirer.ledger import Kind, Wanted
from sandbox.acquirer.objects import Json, instant
from sandbox.acquirer.outbox import Notification
from sandbox.acquirer.refusals import not_found

router = APIRouter(prefix="/sandbox")

KINDS: dict[str, Kind] = {"payments": "payment", "refunds": "refund", "receipts": "receipt"}


class Forgery(BaseModel):
    """Which payment to lie about."""

    payment_id: str


@router.get("/shops")
def list_shops(acquirer: AcquirerDep) -> Json:
    """The shops that this acquirer serves, without their secrets."""
    items = [
        {"id": shop.id, "callback_url": shop.callback_url, "fiscal": shop.fiscal}
        for shop in acquirer.shops.values()
    ]
    return {"items": items}


@router.get("/behaviour/{shop_id}")
def show_behaviour(acquirer: AcquirerDep, shop_id: str) -> Behaviour:
    """What is left of the misbehaviour that was ordered."""
    _must_exist(acquirer, shop_id)
    with acquirer.reading() as book:
        return book.behaviour(shop_id)


@router.put("/behaviour/{shop_id}")
def set_behaviour(acquirer: AcquirerDep, shop_id: str, body: Behaviour) -> Behaviour:
    """Order misbehaviour; what is left out is good manners, so `{}` resets everything."""
    _must_exist(acquirer, shop_id)
    with acquirer.reading() as book:
        book.behave(shop_id, body)
    return body


@router.post("/forgeries", status_code=201)
def forge_success(acquirer: AcquirerDep, body: Forgery) -> Json:
    """Send `payment.succeeded` for a payment that is not paid."""
    return {"notifications": acquirer.forge(body.payment_id)}


@router.get("/notifications")
def list_notifications(
    acquirer: AcquirerDep, shop_id: str | None = None, object_id: str | None = None
) -> Json:
    """The newest 200 notifications and what became of them."""
    with acquirer.reading() as book:
        found = book.outbox.newest(shop_id, object_id)
    return {"items": [_notification(notification) for notification in found]}


@router.get("/{kind}")
def list_objects(
    acquirer: AcquirerDep,
    kind: Literal["payments", "refunds", "receipts"],
    shop_id: str | None = None,
    status: str | None = None,
) -> Json:
    """The newest 100 payments, refunds or receipts of all shops or of one."""
    wanted = Wanted(kind=KINDS[kind], shop_id=shop_id, status=status, limit=100)
    with acquirer.reading() as book:
        found, _ = book.find(wanted)
    return {"items": [{"shop_id": item.shop_id} | shown(acquirer, item) for item in found]}


def _notification(notification: Notification) -> Json:
    return {
        "sequence": notification.sequence,
        "shop_id": notification.shop_id,
        "event": notification.event,
        "object_id": notification.object_id,
        "forged": notification.forged,
        "status": notification.status,
        "attempts": notification.attempts,
        "last_answer": notification.last_answer,
        "created_at": instant(notification.created_at),
        "due_at": instant(notification.due_at),
    }


def _must_exist(acquirer: Acquirer, shop_id: str) -> None:
    if shop_id not in acquirer.shops:
        raise not_found("Shop", "shop_id")
