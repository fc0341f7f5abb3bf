"""What a person sees: the payment page, and an overview of everything."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from sandbox.acquirer.acquirer import payment_of
from sandbox.acquirer.api import AcquirerDep
from sandbox.acquirer.ledger import Wanted
from sandbox.acquirer.payments import DeclineReason, Payment
from sandbox.acquirer.refusals import Refusal
from sandbox.web import page

router = APIRouter(include_in_schema=False)

REASONS: dict[DeclineReason, str] = {
    "insufficient_funds": "Недостаточно средств / Insufficient funds",
    "general_decline": "Отказ без объяснения / Declined without a reason",
    "3d_secure_failed": "Не пройдена проверка 3-D Secure / 3-D Secure failed",
    "call_issuer": "Нужно позвонить в банк / Call the issuer",
    "card_expired": "Истёк срок карты / Card expired",
    "country_forbidden": "Карта другой страны / Country forbidden",
    "fraud_suspected": "Подозрение на мошенничество / Fraud suspected",
    "identification_required": "Нужна идентификация / Identification required",
    "invalid_card_number": "Неверный номер карты / Invalid card number",
    "invalid_csc": "Неверный код CVC / Invalid CVC",
    "issuer_unavailable": "Банк недоступен / Issuer unavailable",
    "payment_method_limit_exceeded": "Превышен лимит / Limit exceeded",
    "payment_method_restricted": "Операции запрещены / Operations restricted",
}


@router.get("/")
def show_overview(acquirer: AcquirerDep) -> HTMLResponse:
    with acquirer.reading() as book:
        payments, _ = book.find(Wanted(kind="payment"))
        refunds, _ = book.find(Wanted(kind="refund"))
        notifications = book.outbox.newest(None, None)[:50]
    return page(
        "acquirer_overview.html",
        shops=acquirer.shops.values(),
        payments=payments,
        refunds=refunds,
        notifications=notifications,
    )


@router.get("/pay/{payment_id}")
def show_payment_page(acquirer: AcquirerDep, payment_id: str) -> HTMLResponse:
    with acquirer.reading() as book:
        payment = payment_of(book, payment_id)
    return page("payment.html", payment=payment, reasons=REASONS)


@router.post("/pay/{payment_id}/confirm")
def confirm_payment(request: Request, acquirer: AcquirerDep, payment_id: str) -> Response:
    return _answer(request, payment_id, lambda: acquirer.pay(payment_id))


@router.post("/pay/{payment_id}/decline")
def decline_payment(
    request: Request,
    acquirer: AcquirerDep,
    payment_id: str,
    reason: Annotated[DeclineReason, Form()] = "insufficient_funds",
) -> Response:
    return _answer(request, payment_id, lambda: acquirer.decline(payment_id, reason))


def _answer(request: Request, payment_id: str, press: Callable[[], Payment]) -> Response:
    """Send a browser back to the shop; tell a script what became of the payment."""
    for_script = "application/json" in request.headers.get("accept", "")
    try:
        payment = press()
    except Refusal:
        if for_script:
            raise
        # The page says what became of the payment in the meantime.
        return RedirectResponse(f"/pay/{payment_id}", 303)
    return_url = payment.asked.confirmation.return_url
    if for_script:
        return JSONResponse({"status": payment.status, "return_url": return_url})
    return RedirectResponse(return_url or f"/pay/{payment_id}", 303)
