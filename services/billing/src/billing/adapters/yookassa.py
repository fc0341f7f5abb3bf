"""YooKassa API v3: the payment provider over HTTP.

Every POST carries an `Idempotence-Key`, so the client may repeat it. What an answer means, as the API has it:
200 is the state of the object; 4xx means that it was not done and will not be done under this key; 5xx, 429, 202 and
silence mean that the outcome is not known, and that the same key is to be tried later (`Unavailable`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeVar
from uuid import UUID

import msgspec

from billing.application.ports import (
    Hint,
    Judgement,
    PaymentOrder,
    ProviderPayment,
    ProviderRefund,
    RefundOrder,
    Refused,
)
from service_kit.errors import Unavailable
from service_kit.http import ProviderClient
from vocabulary.ids import PaymentId
from vocabulary.money import Money

__all__ = ["NOTIFICATION_SOURCES", "YooKassa", "YooKassaProfile"]

NOTIFICATION_SOURCES: Final = (
    *("185.71.76.0/27", "185.71.77.0/27", "77.75.153.0/25", "77.75.154.128/25"),
    *("77.75.156.11/32", "77.75.156.35/32", "2a02:5180::/32"),
)
"""The addresses that YooKassa sends notifications from."""

_LONGEST_DESCRIPTION: Final = 128
_LONGEST_LIST: Final = 100
_BY_MERCHANT: Final = "canceled_by_merchant"
_NOBODY_CAME: Final = "expired_on_confirmation"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class YooKassaProfile:
    """A tenant's shop. `tax_system` is FFD tag 1055, which YooKassa's own receipts do without."""

    shop_id: str
    secret: str = field(repr=False)
    tax_system: int | None = None


class _Amount(msgspec.Struct, frozen=True):
    value: str
    currency: Literal["RUB"]

    @property
    def money(self) -> Money:
        return Money.from_decimal_string(self.value)


class _Cancellation(msgspec.Struct, frozen=True):
    reason: str


class _Confirmation(msgspec.Struct, frozen=True):
    confirmation_url: str | None = None


class _Payment(msgspec.Struct, frozen=True):
    id: str
    status: Literal["pending", "waiting_for_capture", "succeeded", "canceled"]
    amount: _Amount
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    confirmation: _Confirmation | None = None
    captured_at: datetime | None = None
    cancellation_details: _Cancellation | None = None


class _Refund(msgspec.Struct, frozen=True):
    id: str
    payment_id: str
    status: Literal["pending", "succeeded", "canceled"]
    amount: _Amount
    cancellation_details: _Cancellation | None = None


class _Refunds(msgspec.Struct, frozen=True):
    items: list[_Refund]


class _Error(msgspec.Struct, frozen=True):
    code: str = "refused"


class _Subject(msgspec.Struct, frozen=True):
    id: str
    payment_id: str | None = None


class _Notification(msgspec.Struct, frozen=True):
    event: str
    object: _Subject


class YooKassa:
    """The payment provider of every tenant that has a profile; see the port for what is raised."""

    def __init__(self, client: ProviderClient, profiles: Mapping[str, YooKassaProfile]) -> None:
        self._client, self._profiles = client, dict(profiles)

    def serves(self, tenant: str) -> bool:
        return tenant in self._profiles

    async def ask(self, tenant: str, order: PaymentOrder) -> ProviderPayment | Refused:
        body = _payment_request(order, self._profile(tenant))
        answer = await self._post(tenant, "/v3/payments", str(order.payment_id), body, _Payment)
        return answer if isinstance(answer, Refused) else _payment(answer)

    async def payment(self, tenant: str, provider_payment_id: str) -> ProviderPayment | None:
        found = await self._get(tenant, f"/v3/payments/{provider_payment_id}", {}, _Payment)
        return None if found is None else _payment(found)

    async def give_back(self, tenant: str, order: RefundOrder) -> ProviderRefund | Refused:
        body = {
            "payment_id": order.provider_payment_id,
            "amount": _amount(order.amount),
            "description": order.description,
        }
        answer = await self._post(tenant, "/v3/refunds", order.key, body, _Refund)
        return answer if isinstance(answer, Refused) else _refund(answer)

    async def refunds_of(self, tenant: str, provider_payment_id: str) -> Sequence[ProviderRefund]:
        query = {"payment_id": provider_payment_id, "limit": str(_LONGEST_LIST)}
        found = await self._get(tenant, "/v3/refunds", query, _Refunds)
        return [] if found is None else [_refund(each) for each in found.items]

    def read_hint(self, body: bytes) -> Hint | None:
        try:
            notification = msgspec.json.decode(body, type=_Notification)
        except msgspec.DecodeError:
            return None
        kind, _, _ = notification.event.partition(".")
        named = {"payment": notification.object.id, "refund": notification.object.payment_id}
        payment_id = named.get(kind)
        if payment_id is None or not payment_id.replace("-", "").isalnum():
            return None
        return Hint(provider_payment_id=payment_id)

    async def _post(
        self, tenant: str, path: str, key: str, body: Mapping[str, object], kind: type[T]
    ) -> T | Refused:
        profile = self._profile(tenant)
        answer = await self._client.request(
            "POST",
            path,
            idempotent=True,
            json=body,
            headers={"Idempotence-Key": key},
            auth=(profile.shop_id, profile.secret),
        )
        if answer.status_code == 200:
            return _read(answer.content, kind)
        if 400 <= answer.status_code < 500:
            return Refused(reason=_read(answer.content, _Error).code)
        raise Unavailable("yookassa")

    async def _get(
        self, tenant: str, path: str, query: Mapping[str, str], kind: type[T]
    ) -> T | None:
        profile = self._profile(tenant)
        answer = await self._client.request(
            "GET", path, params=query, auth=(profile.shop_id, profile.secret)
        )
        if answer.status_code == 200:
            return _read(answer.content, kind)
        if answer.status_code == 404:
            return None
        raise Unavailable("yookassa")

    def _profile(self, tenant: str) -> YooKassaProfile:
        """A shop that was taken out of the settings while money is on its way may come back."""
        profile = self._profiles.get(tenant)
        if profile is None:
            raise Unavailable("yookassa")
        return profile


def _payment_request(order: PaymentOrder, profile: YooKassaProfile) -> dict[str, object]:
    names = ", ".join(line.name for line in order.lines)
    receipt: dict[str, object] = {
        "customer": {"email": order.receipt_email},
        "items": [
            {
                "description": line.name[:_LONGEST_DESCRIPTION],
                "quantity": "1.00",
                "amount": _amount(line.price),
                "vat_code": order.vat_code,
                "payment_mode": "full_prepayment",
                "payment_subject": "service",
            }
            for line in order.lines
        ],
    }
    if profile.tax_system is not None:
        receipt["tax_system_code"] = profile.tax_system
    return {
        "amount": _amount(order.amount),
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": order.return_url},
        "description": f"№ {order.number}: {names}"[:_LONGEST_DESCRIPTION],
        "metadata": {
            "payment_id": str(order.payment_id),
            "invoice_id": str(order.invoice_id),
            "correlation": str(order.correlation),
        },
        "receipt": receipt,
    }


def _amount(money: Money) -> dict[str, str]:
    return {"value": money.to_decimal_string(), "currency": "RUB"}


def _payment(found: _Payment) -> ProviderPayment:
    reason = _reason(found.cancellation_details)
    payment_id = _uuid(found.metadata.get("payment_id"))
    confirmation = found.confirmation
    return ProviderPayment(
        provider_payment_id=found.id,
        judgement=_judgement(found.status, reason),
        amount=found.amount.money,
        payment_id=None if payment_id is None else PaymentId(payment_id),
        correlation=_uuid(found.metadata.get("correlation")),
        confirmation_url=None if confirmation is None else confirmation.confirmation_url,
        paid_at=found.captured_at,
        reason=reason,
    )


def _refund(found: _Refund) -> ProviderRefund:
    reason = _reason(found.cancellation_details)
    return ProviderRefund(
        provider_refund_id=found.id,
        provider_payment_id=found.payment_id,
        judgement=_judgement(found.status, reason),
        amount=found.amount.money,
        reason=reason,
    )


def _reason(cancellation: _Cancellation | None) -> str | None:
    return None if cancellation is None else cancellation.reason


def _judgement(status: str, reason: str | None) -> Judgement:
    match status:
        case "succeeded":
            return Judgement.DONE
        case "canceled" if reason == _BY_MERCHANT:
            return Judgement.CALLED_OFF
        case "canceled" if reason == _NOBODY_CAME:
            return Judgement.TIMED_OUT
        case "canceled":
            return Judgement.REFUSED
        case _:
            # waiting_for_capture too: the money is only blocked, and payments are asked for in one step.
            return Judgement.PENDING


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        raise Unavailable("yookassa") from None


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
