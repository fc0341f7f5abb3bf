"""Laws that hold whatever is wished in whatever order: random histories of one invoice and its two payments."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.details import CancelledBy, InvoiceLine, PaymentDetails, RefundCause
from billing.domain.invoice.commands import (
    CancelInvoice,
    CloseInvoicePayment,
    IssuePreliminaryInvoice,
    MarkInvoicePaid,
    MarkInvoiceRefunded,
    NoteLatePaymentRefusal,
    NoteReservation,
    OpenInvoicePayment,
)
from billing.domain.invoice.decider import INVOICE, invoice_id_of
from billing.domain.invoice.events import (
    InvoiceEvent,
    InvoicePaid,
    InvoicePaymentClosed,
    InvoicePaymentOpened,
    RefundDeclinedByPolicy,
    RefundDue,
)
from billing.domain.payment.commands import (
    CancelPayment,
    ConfirmPayment,
    ExpirePayment,
    FailPayment,
    PaymentCommand,
    RegisterProviderPayment,
    StartPayment,
)
from billing.domain.payment.decider import PAYMENT
from billing.domain.payment.events import (
    PaymentCancelled,
    PaymentExpired,
    PaymentFailed,
    PaymentSucceeded,
)
from billing.domain.policies import BillingPolicies
from billing.domain.price_list.commands import PriceListCommand, PublishPrice, WithdrawPrice
from billing.domain.price_list.decider import PRICE_LIST
from billing.domain.refund.commands import (
    ConfirmRefund,
    EscalateRefund,
    FailRefund,
    RefundCommand,
    RegisterProviderRefund,
    RequestRefund,
    RetryRefund,
)
from billing.domain.refund.decider import REFUND
from billing.domain.refund.events import RefundSucceeded
from decider import Decider, Rejection
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    PatientId,
    PaymentId,
    RefundId,
    ServiceId,
)
from vocabulary.money import Money
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
POLICIES = BillingPolicies(refund_retry_minutes=(1, 2))
VISIT, PATIENT, BRANCH = AppointmentId(UUID(int=1)), PatientId(UUID(int=2)), BranchId(UUID(int=3))
FIRST, SECOND = PaymentId(UUID(int=11)), PaymentId(UUID(int=12))
EMAIL = Sealed[str](subject=PATIENT, field="receipt_email", cipher="eA")
LINE = InvoiceLine(
    service_id=ServiceId(UUID(int=4)), code="A", name="Приём", price=Money(kopecks=150_000)
)
DETAILS = PaymentDetails(
    payment_id=FIRST,
    invoice_id=invoice_id_of(VISIT),
    appointment_id=VISIT,
    patient_id=PATIENT,
    amount=LINE.price,
)

payments = st.sampled_from([FIRST, SECOND])
instants = st.integers(0, 200).map(lambda minutes: NOW + timedelta(minutes=minutes))
invoice_commands = st.one_of(
    st.just(
        IssuePreliminaryInvoice(
            invoice_id=invoice_id_of(VISIT),
            appointment_id=VISIT,
            patient_id=PATIENT,
            branch_id=BRANCH,
            lines=(LINE,),
            issued_on=date(2026, 11, 21),
            pay_before=NOW + timedelta(minutes=100),
        )
    ),
    st.builds(
        OpenInvoicePayment,
        invoice_id=st.just(invoice_id_of(VISIT)),
        payment_id=payments,
        return_url=st.just("https://clinic.example"),
        receipt_email=st.just(EMAIL),
        policies=st.just(POLICIES),
        now=instants,
    ),
    st.builds(CloseInvoicePayment, payment_id=payments),
    st.builds(MarkInvoicePaid, payment_id=payments, paid_at=instants),
    st.just(NoteReservation(appointment_id=VISIT)),
    st.just(NoteLatePaymentRefusal(appointment_id=VISIT)),
    st.builds(MarkInvoiceRefunded, payment_id=payments),
    st.builds(
        CancelInvoice,
        appointment_id=st.just(VISIT),
        by=st.sampled_from(CancelledBy),
        reason=st.sampled_from(["HOLD_EXPIRED", "OTHER"]),
        was_reserved=st.booleans(),
        lead_minutes=st.integers(0, 200),
        refund_eligible=st.booleans(),
    ),
)
payment_commands: st.SearchStrategy[PaymentCommand] = st.one_of(
    st.just(
        StartPayment(
            payment=DETAILS,
            number="1",
            lines=(LINE,),
            vat_code=1,
            return_url="https://clinic.example",
            receipt_email=EMAIL,
            started_at=NOW,
            expires_at=NOW + timedelta(minutes=100),
            watched_until=NOW + timedelta(minutes=160),
        )
    ),
    st.just(RegisterProviderPayment(provider_payment_id="p", confirmation_url="https://pay")),
    st.builds(
        ConfirmPayment,
        provider_payment_id=st.just("p"),
        amount=st.sampled_from([LINE.price, Money(kopecks=1)]),
        paid_at=instants,
    ),
    st.just(FailPayment(reason="general_decline")),
    st.just(CancelPayment(reason="canceled_by_merchant")),
    st.builds(ExpirePayment, now=instants, closed_by_provider=st.booleans()),
)
attempts = st.integers(1, 4)
refund_commands: st.SearchStrategy[RefundCommand] = st.one_of(
    st.just(
        RequestRefund(
            payment=DETAILS, refund_id=RefundId(UUID(int=5)), cause=RefundCause.LATE_PAYMENT
        )
    ),
    st.builds(
        RegisterProviderRefund,
        attempt=attempts,
        provider_refund_id=st.just("r"),
        policies=st.just(POLICIES),
        now=instants,
    ),
    st.builds(ConfirmRefund, provider_refund_id=st.just("r"), amount=st.just(LINE.price)),
    st.builds(
        FailRefund,
        attempt=attempts,
        reason=st.just("general_decline"),
        policies=st.just(POLICIES),
        now=instants,
    ),
    st.builds(
        EscalateRefund,
        attempt=attempts,
        now=instants.map(lambda instant: instant + timedelta(days=7)),
    ),
    st.builds(RetryRefund, now=instants, by_person=st.booleans()),
)
price_commands: st.SearchStrategy[PriceListCommand] = st.one_of(
    st.builds(
        PublishPrice,
        service_id=st.sampled_from([ServiceId(UUID(int=n)) for n in range(3)]),
        branch_id=st.just(BRANCH),
        department=st.just("Терапия"),
        code=st.sampled_from("AB"),
        name=st.just("Приём"),
        price=st.integers(0, 2).map(lambda kopecks: Money(kopecks=kopecks)),
    ),
    st.builds(
        WithdrawPrice,
        service_id=st.sampled_from([ServiceId(UUID(int=n)) for n in range(3)]),
        branch_id=st.just(BRANCH),
    ),
)


@dataclass
class Run:
    """The facts that a history of wishes led to; every wish was made twice."""

    decider: Decider[Any, Any, Any]
    state: Any = None
    facts: list[Any] = field(default_factory=list)

    def wish(self, command: object) -> None:
        try:
            facts = self.decider.decide(command, self.state)
        except Rejection:
            return
        for fact in facts:
            self.state = self.decider.evolve(self.state, fact)
        self.facts.extend(facts)
        assert list(self.decider.decide(command, self.state)) == []

    def of(self, kind: Any) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


def run(decider: Decider[Any, Any, Any], commands: list[Any]) -> Run:
    done = Run(decider, decider.initial)
    for command in commands:
        done.wish(command)
    return done


@given(st.lists(invoice_commands, max_size=12))
def test_an_invoice_is_paid_once_and_its_money_is_decided_about_once(commands: list[Any]) -> None:
    done = run(INVOICE, commands)
    assert len(done.of(InvoicePaid)) <= 1
    dues = [due.payment.payment_id for due in done.of(RefundDue)]
    assert len(dues) == len(set(dues))
    declined = {fact.payment.payment_id for fact in done.of(RefundDeclinedByPolicy)}
    assert len(done.of(RefundDeclinedByPolicy)) == len(declined)
    assert not declined & set(dues)


@given(st.lists(invoice_commands, max_size=12))
def test_at_most_one_try_is_open(commands: list[Any]) -> None:
    done = run(INVOICE, commands)
    tries: set[PaymentId] = set()
    for fact in done.facts:
        match fact:
            case InvoicePaymentOpened():
                assert not tries
                tries = {fact.payment.payment_id}
            case InvoicePaymentClosed() | InvoicePaid():
                tries.discard(fact.payment_id)
            case _:
                tries -= {getattr(fact, "payment_id", None)}


@given(st.lists(invoice_commands, max_size=12))
def test_every_amount_is_the_total(commands: list[Any]) -> None:
    done = run(INVOICE, commands)
    facts: list[InvoiceEvent] = done.facts
    amounts = {fact.payment.amount for fact in facts if isinstance(fact, InvoicePaymentOpened)}
    amounts |= {fact.payment.amount for fact in facts if isinstance(fact, RefundDue)}
    assert amounts <= {LINE.price}


@given(st.lists(payment_commands, max_size=12))
def test_a_payment_ends_once_and_success_is_the_last_word(commands: list[Any]) -> None:
    done = run(PAYMENT, commands)
    assert len(done.of(PaymentSucceeded)) <= 1
    assert len(done.of(PaymentFailed | PaymentCancelled | PaymentExpired)) <= 1
    if done.of(PaymentSucceeded):
        assert isinstance(done.facts[-1], PaymentSucceeded)


@given(st.lists(payment_commands, max_size=8), instants)
def test_money_that_the_provider_reports_is_never_denied(
    commands: list[Any], paid_at: datetime
) -> None:
    done = run(PAYMENT, commands)
    if done.facts:
        done.wish(ConfirmPayment(provider_payment_id="p", amount=LINE.price, paid_at=paid_at))
        assert len(done.of(PaymentSucceeded)) == 1


@given(st.lists(refund_commands, max_size=12))
def test_money_goes_back_once(commands: list[Any]) -> None:
    done = run(REFUND, commands)
    assert len(done.of(RefundSucceeded)) <= 1
    if done.of(RefundSucceeded):
        assert isinstance(done.facts[-1], RefundSucceeded)


@given(st.lists(price_commands, max_size=12))
def test_no_two_services_are_sold_under_one_code(commands: list[Any]) -> None:
    done = run(PRICE_LIST, commands)
    withdrawn = done.state.withdrawn
    sold = [price.code for key, price in done.state.prices.items() if key not in withdrawn]
    assert len(sold) == len(set(sold))
    assert all(price.price for price in done.state.prices.values() if price is not None)
