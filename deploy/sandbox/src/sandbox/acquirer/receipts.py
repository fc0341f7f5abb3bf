"""Receipts of 54-FZ: what a legal one is, and how one comes to be registered. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sandbox.acquirer.refusals import Refusal, invalid
from sandbox.acquirer.requests import ReceiptData, Settlement

Registration = Literal["pending", "succeeded", "canceled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt on its way to the tax service; `outcome` is settled at `due_at`."""

    id: str
    shop_id: str
    kind: Literal["payment", "refund"]
    parent_id: str
    content: ReceiptData
    settlements: tuple[Settlement, ...]
    created_at: datetime
    due_at: datetime | None
    outcome: Literal["succeeded", "canceled"]
    status: Registration = "pending"
    registered_at: datetime | None = None


def settle(receipt: Receipt, now: datetime) -> Receipt:
    registered_at = now if receipt.outcome == "succeeded" else None
    return replace(receipt, status=receipt.outcome, due_at=None, registered_at=registered_at)


def illegal(parameter: str = "receipt") -> Refusal:
    return invalid("Receipt is missing or illegal", parameter)


def check(receipt: ReceiptData | None, kopecks: int, *, required: bool) -> None:
    """Refuse a missing receipt, one without a contact, and one whose sum differs."""
    if receipt is None:
        if required:
            raise illegal()
        return
    if not (receipt.customer.email or receipt.customer.phone):
        raise illegal("receipt.customer")
    if receipt.kopecks != kopecks:
        raise illegal("receipt.items")


def check_settlements(receipt: ReceiptData, settlements: Sequence[Settlement]) -> None:
    if sum(settlement.amount.kopecks for settlement in settlements) != receipt.kopecks:
        raise illegal("settlements")
