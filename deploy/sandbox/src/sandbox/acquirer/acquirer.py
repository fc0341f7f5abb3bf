"""The acquirer at work: each wish is one transaction of load, decide, save, announce."""

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from sandbox.acquirer import payments, receipts
from sandbox.acquirer.behaviour import Behaviour
from sandbox.acquirer.ledger import Book, Ledger
from sandbox.acquirer.objects import Json, payment_object, receipt_object, refund_object
from sandbox.acquirer.payments import DeclineReason, Payment, Refund
from sandbox.acquirer.receipts import Receipt
from sandbox.acquirer.refusals import (
    internal_error,
    invalid,
    not_found,
    too_many_requests,
    unavailable,
    wrong_credentials,
)
from sandbox.acquirer.requests import (
    Amount,
    CaptureRequest,
    PaymentRequest,
    ReceiptData,
    ReceiptRequest,
    RefundRequest,
    Settlement,
)
from sandbox.clock import Clock

ANSWERS_KEPT = timedelta(hours=24)
LONGEST_KEY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    id: str
    secret: str
    callback_url: str
    fiscal: bool = False


class Acquirer:
    """All shops of one acquirer; safe to call from any thread."""

    def __init__(
        self, *, ledger: Ledger, clock: Clock, shops: Mapping[str, Shop], public_url: str
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.shops = shops
        self._public_url = public_url

    def page_url(self, payment_id: str) -> str:
        return f"{self._public_url}/pay/{payment_id}"

    def admit(self, shop_id: str, secret: str) -> tuple[Shop, Behaviour]:
        """Check the credentials, then misbehave as the shop was told to."""
        shop = self.shops.get(shop_id)
        if shop is None or not hmac.compare_digest(shop.secret.encode(), secret.encode()):
            raise wrong_credentials()
        with self.ledger.transaction(self.clock()) as book:
            limited = book.spend(shop_id, "too_many_requests")
            behaviour = book.behaviour(shop_id)
        if behaviour.down:
            raise unavailable()
        if limited:
            raise too_many_requests()
        return shop, behaviour

    def once(
        self, shop: Shop, key: str | None, request: bytes, work: Callable[[Book], Json]
    ) -> bytes:
        """Do the work for a new key; give the first answer again for a known one."""
        if not key or len(key) > LONGEST_KEY:
            raise invalid("Idempotence key is missing or too long", "Idempotence-Key")
        fingerprint = hashlib.sha256(request).hexdigest()
        now = self.clock()
        with self.ledger.transaction(now) as book:
            known = book.answer(shop.id, key)
            if known is not None and now - known.created_at < ANSWERS_KEPT:
                if known.fingerprint != fingerprint:
                    raise invalid("Idempotence key duplicated", "Idempotence-Key")
                body = known.body
            else:
                self._settle(book)
                body = json.dumps(work(book), ensure_ascii=False).encode()
                book.remember(shop.id, key, fingerprint, body)
            broken = book.spend(shop.id, "fail_after_commit")
        if broken:
            raise internal_error()
        return body

    def create_payment(self, book: Book, shop: Shop, asked: PaymentRequest) -> Json:
        payment = payments.create(
            asked, payment_id=_new_id(), shop_id=shop.id, fiscal=shop.fiscal, now=book.now
        )
        book.put(payment)
        return payment_object(payment, self.page_url)

    def capture(self, book: Book, shop: Shop, payment_id: str, asked: CaptureRequest) -> Json:
        held = payment_of(book, payment_id, shop)
        captured = payments.capture(held, asked, fiscal=shop.fiscal, now=book.now)
        return self._change(book, held, captured)

    def cancel(self, book: Book, shop: Shop, payment_id: str) -> Json:
        held = payment_of(book, payment_id, shop)
        return self._change(book, held, payments.cancel(held))

    def refund(self, book: Book, shop: Shop, asked: RefundRequest) -> Json:
        payment = payment_of(book, asked.payment_id, shop)
        behaviour = book.behaviour(shop.id)
        refund = payments.refund(
            payment,
            asked,
            refund_id=_new_id(),
            awaiting_kopecks=book.awaiting_kopecks(payment.id),
            fiscal=shop.fiscal,
            due_at=book.now + timedelta(seconds=behaviour.refund_decision_seconds),
            failure=behaviour.refund_failure_reason
            if book.spend(shop.id, "fail_refunds")
            else None,
            now=book.now,
        )
        book.put(refund)
        self._settle(book)
        return refund_object(book.refund(refund.id) or refund)

    def register_receipt(self, book: Book, shop: Shop, asked: ReceiptRequest) -> Json:
        parent_id = asked.payment_id if asked.type == "payment" else asked.refund_id
        if parent_id is None:
            raise invalid(f"{asked.type}_id is required", f"{asked.type}_id")
        if asked.type == "payment":
            parent: Payment | Refund = payment_of(book, parent_id, shop)
        else:
            parent = refund_of(book, parent_id, shop)
        if parent.status != "succeeded":
            raise invalid(f"The {asked.type} is not succeeded", f"{asked.type}_id")
        receipts.check(asked, asked.kopecks, required=True)
        receipts.check_settlements(asked, asked.settlements)
        receipt = self._start_receipt(
            book, shop.id, asked.type, parent_id, asked, asked.settlements
        )
        self._settle(book)
        return receipt_object(book.receipt(receipt.id) or receipt)

    def pay(self, payment_id: str) -> Payment:
        """The payer pressed "pay" on the page."""
        with self.reading() as book:
            payment = payment_of(book, payment_id)
            paid = payments.pay(payment, book.now)
            self._change(book, payment, paid)
        return paid

    def decline(self, payment_id: str, reason: DeclineReason) -> Payment:
        """The payer pressed "decline" on the page."""
        with self.reading() as book:
            payment = payment_of(book, payment_id)
            declined = payments.decline(payment, reason)
            self._change(book, payment, declined)
        return declined

    def forge(self, payment_id: str) -> list[int]:
        """Tell the shop of a success that did not happen."""
        with self.reading() as book:
            payment = payment_of(book, payment_id)
            if payment.status == "succeeded":
                raise invalid("The payment is really paid: nothing to forge", "payment_id")
            lie = replace(payment, status="succeeded", captured_at=book.now, cancellation=None)
            return list(
                book.notify(
                    payment.shop_id,
                    "payment.succeeded",
                    payment_object(lie, self.page_url),
                    forged=True,
                )
            )

    @contextmanager
    def reading(self) -> Iterator[Book]:
        """The book after everything has happened whose time has come."""
        with self.ledger.transaction(self.clock()) as book:
            self._settle(book)
            yield book

    def _settle(self, book: Book) -> None:
        while due := book.due():
            for item in due:
                match item:
                    case Payment():
                        self._change(book, item, payments.expire(item))
                    case Refund():
                        self._settle_refund(book, item)
                    case Receipt():
                        self._settle_receipt(book, item)

    def _change(self, book: Book, before: Payment, after: Payment) -> Json:
        shown = payment_object(after, self.page_url)
        if after.status != before.status:
            book.put(after)
            book.notify(after.shop_id, f"payment.{after.status}", shown)
            if after.status == "succeeded" and after.receipt:
                self._start_receipt(
                    book,
                    after.shop_id,
                    "payment",
                    after.id,
                    after.receipt,
                    _cashless(after.receipt),
                )
                self._settle(book)
        return shown

    def _settle_refund(self, book: Book, awaited: Refund) -> None:
        refund, payment = payments.settle(awaited, payment_of(book, awaited.payment_id))
        book.put(refund)
        book.put(payment)
        if refund.status == "succeeded":
            book.notify(refund.shop_id, "refund.succeeded", refund_object(refund))
            if refund.receipt:
                self._start_receipt(
                    book,
                    refund.shop_id,
                    "refund",
                    refund.id,
                    refund.receipt,
                    _cashless(refund.receipt),
                )

    def _settle_receipt(self, book: Book, awaited: Receipt) -> None:
        """The receipt of the payment itself also shows on the payment."""
        receipt = receipts.settle(awaited, book.now)
        book.put(receipt)
        parent = (
            book.payment(receipt.parent_id)
            if receipt.kind == "payment"
            else book.refund(receipt.parent_id)
        )
        if parent is not None and parent.receipt_registration == "pending":
            book.put(replace(parent, receipt_registration=receipt.status))

    def _start_receipt(
        self,
        book: Book,
        shop_id: str,
        kind: Literal["payment", "refund"],
        parent_id: str,
        content: ReceiptData,
        settlements: tuple[Settlement, ...],
    ) -> Receipt:
        delay = timedelta(seconds=book.behaviour(shop_id).receipt_decision_seconds)
        receipt = Receipt(
            id=_new_id(),
            shop_id=shop_id,
            kind=kind,
            parent_id=parent_id,
            content=content,
            settlements=settlements,
            created_at=book.now,
            due_at=book.now + delay,
            outcome="canceled" if book.spend(shop_id, "fail_receipts") else "succeeded",
        )
        book.put(receipt)
        return receipt


def payment_of(book: Book, payment_id: str, shop: Shop | None = None) -> Payment:
    payment = book.payment(payment_id, shop_id=shop.id if shop else None)
    if payment is None:
        raise not_found("Payment", "payment_id")
    return payment


def refund_of(book: Book, refund_id: str, shop: Shop) -> Refund:
    refund = book.refund(refund_id, shop_id=shop.id)
    if refund is None:
        raise not_found("Refund", "refund_id")
    return refund


def _cashless(receipt: ReceiptData) -> tuple[Settlement, ...]:
    kopecks = receipt.kopecks
    value = f"{kopecks // 100}.{kopecks % 100:02}"
    return (Settlement(type="cashless", amount=Amount(value=value, currency="RUB")),)


def _new_id() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
