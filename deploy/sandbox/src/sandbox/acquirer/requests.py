"""The bodies that a shop sends; unknown fields are ignored, as the real API does."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["bank_card", "sbp"]
ShortText = Annotated[str, Field(max_length=512)]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class Amount(Body):
    """A decimal string outside, whole kopecks inside."""

    value: Annotated[str, Field(pattern=r"^\d{1,10}\.\d{2}$")]
    currency: Literal["RUB"]

    @property
    def kopecks(self) -> int:
        return int(self.value.replace(".", ""))


class Customer(Body):
    full_name: str | None = None
    inn: str | None = None
    email: str | None = None
    phone: str | None = None


class ReceiptItem(Body):
    """One line of a receipt; `amount` is the price of one unit (FFD tag 1079)."""

    description: Annotated[str, Field(min_length=1, max_length=128)]
    quantity: Annotated[Decimal, Field(gt=0, decimal_places=3)]
    amount: Amount
    vat_code: Annotated[int, Field(ge=1, le=12)]
    # The acquirer's own receipts know only these two (domain-facts 3.8).
    payment_mode: Literal["full_prepayment", "full_payment"] = "full_payment"
    payment_subject: str = "service"

    @property
    def kopecks(self) -> int:
        total = self.quantity * self.amount.kopecks
        return int(total.quantize(Decimal(1), rounding=ROUND_HALF_UP))


class ReceiptData(Body):
    customer: Customer
    items: Annotated[tuple[ReceiptItem, ...], Field(min_length=1, max_length=80)]
    tax_system_code: Annotated[int, Field(ge=1, le=6)] | None = None

    @property
    def kopecks(self) -> int:
        return sum(item.kopecks for item in self.items)


class Confirmation(Body):
    type: Literal["redirect", "embedded", "qr", "mobile_application", "external"]
    return_url: Annotated[str, Field(max_length=2048, pattern=r"^https?://")] | None = None
    locale: str | None = None

    @model_validator(mode="after")
    def _knows_the_way_back(self) -> Self:
        if self.type in ("redirect", "mobile_application") and self.return_url is None:
            raise ValueError("return_url is required")
        return self


class PaymentMethodData(Body):
    type: Method


class PaymentRequest(Body):
    amount: Amount
    confirmation: Confirmation
    capture: bool = False
    description: Annotated[str, Field(max_length=128)] | None = None
    metadata: Annotated[
        dict[Annotated[str, Field(max_length=32)], ShortText], Field(max_length=16)
    ] = Field(default_factory=dict)
    receipt: ReceiptData | None = None
    payment_method_data: PaymentMethodData | None = None
    merchant_customer_id: Annotated[str, Field(max_length=200)] | None = None

    @property
    def method(self) -> Method:
        """A payer who is given the choice pays by card on the page of this twin."""
        return self.payment_method_data.type if self.payment_method_data else "bank_card"


class CaptureRequest(Body):
    amount: Amount | None = None
    receipt: ReceiptData | None = None


class RefundRequest(Body):
    payment_id: str
    amount: Amount
    description: Annotated[str, Field(max_length=250)] | None = None
    receipt: ReceiptData | None = None


class Settlement(Body):
    type: Literal["cashless", "prepayment", "postpayment", "consideration"]
    amount: Amount


class ReceiptRequest(ReceiptData):
    """A receipt apart from a payment: closing (full payment) or refund."""

    type: Literal["payment", "refund"]
    payment_id: str | None = None
    refund_id: str | None = None
    send: Literal[True]
    settlements: Annotated[tuple[Settlement, ...], Field(min_length=1)]
