"""Payments, refunds and receipts as the JSON objects of the API."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sandbox.acquirer.payments import Cancellation, Payment, Refund
from sandbox.acquirer.receipts import Receipt
from sandbox.acquirer.requests import ReceiptItem

Json = dict[str, object]
COMMISSION_PERMILLE = 28


def payment_object(payment: Payment, page_url: Callable[[str], str]) -> Json:
    paid = payment.status in ("waiting_for_capture", "succeeded")
    shown = _known(
        id=payment.id,
        status=payment.status,
        paid=paid,
        amount=amount(payment.amount_kopecks),
        created_at=instant(payment.created_at),
        description=payment.asked.description,
        metadata=payment.asked.metadata,
        recipient={"account_id": payment.shop_id, "gateway_id": payment.shop_id},
        payment_method={
            "type": payment.asked.method,
            "id": payment.id,
            "saved": False,
            "status": "inactive",
        },
        refundable=payment.status == "succeeded"
        and payment.refunded_kopecks < payment.amount_kopecks,
        test=True,
        merchant_customer_id=payment.asked.merchant_customer_id,
        receipt_registration=payment.receipt_registration,
        cancellation_details=_cancellation(payment.cancellation),
    )
    if payment.status == "pending":
        shown["confirmation"] = _confirmation(payment, page_url(payment.id))
    if payment.status == "waiting_for_capture" and payment.due_at is not None:
        shown["expires_at"] = instant(payment.due_at)
    if paid:
        number = UUID(payment.id).int
        shown["authorization_details"] = {
            "rrn": f"{number % 10**12:012}",
            "auth_code": f"{number % 10**6:06}",
            "three_d_secure": {"applied": payment.asked.method == "bank_card"},
        }
    if payment.captured_at is not None:
        commission = payment.amount_kopecks * COMMISSION_PERMILLE // 1000
        shown["captured_at"] = instant(payment.captured_at)
        shown["income_amount"] = amount(payment.amount_kopecks - commission)
        shown["refunded_amount"] = amount(payment.refunded_kopecks)
    return shown


def refund_object(refund: Refund) -> Json:
    return _known(
        id=refund.id,
        payment_id=refund.payment_id,
        status=refund.status,
        created_at=instant(refund.created_at),
        amount=amount(refund.amount_kopecks),
        description=refund.description,
        receipt_registration=refund.receipt_registration,
        cancellation_details=_cancellation(refund.cancellation),
    )


def receipt_object(receipt: Receipt) -> Json:
    shown = _known(
        id=receipt.id,
        type=receipt.kind,
        status=receipt.status,
        tax_system_code=receipt.content.tax_system_code,
        items=[_item(item) for item in receipt.content.items],
        settlements=[settlement.model_dump() for settlement in receipt.settlements],
    )
    shown[f"{receipt.kind}_id"] = receipt.parent_id
    if receipt.registered_at is not None:
        number = UUID(receipt.id).int
        shown |= {
            "registered_at": instant(receipt.registered_at),
            "fiscal_document_number": f"{number % 10**5}",
            "fiscal_storage_number": f"{number % 10**16:016}",
            "fiscal_attribute": f"{number % 10**10:010}",
            "fiscal_provider_id": receipt.id,
        }
    return shown


def amount(kopecks: int) -> Json:
    return {"value": f"{kopecks // 100}.{kopecks % 100:02}", "currency": "RUB"}


def instant(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _confirmation(payment: Payment, page_url: str) -> Json:
    asked = payment.asked.confirmation
    match asked.type:
        case "redirect" | "mobile_application":
            return {
                "type": asked.type,
                "return_url": asked.return_url,
                "confirmation_url": page_url,
            }
        case "embedded":
            return {"type": asked.type, "confirmation_token": f"ct-{payment.id}"}
        case "qr":
            return {"type": asked.type, "confirmation_data": page_url}
        case "external":
            return {"type": asked.type}


def _item(item: ReceiptItem) -> Json:
    return item.model_dump(exclude={"quantity"}) | {"quantity": float(item.quantity)}


def _cancellation(cancellation: Cancellation | None) -> Json | None:
    if cancellation is None:
        return None
    return {"party": cancellation.party, "reason": cancellation.reason}


def _known(**fields: object) -> Json:
    """The API leaves out what is not known instead of sending nulls."""
    return {name: value for name, value in fields.items() if value is not None}
