"""What a process does not do: nothing is asked of the provider that is answered already, or that nobody waits for."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from billing.application.processes.collection import on_payment_started
from billing.domain.payment.commands import ExpirePayment
from billing.domain.payment.events import PaymentStarted
from billing.domain.payment.state import Closed, Open, Outcome, Payment
from event_store import Metadata
from messaging import Cause, Dispatch, Envelope

SAMPLES = Path(__file__).parents[3] / "samples"
DATA = (SAMPLES / "PaymentStarted.v1.json").read_bytes()
STARTED: PaymentStarted = msgspec.json.decode(DATA, type=PaymentStarted)
MOMENT = timedelta(microseconds=1)


class Payments:
    """Knows one state."""

    def __init__(self, state: Payment) -> None:
        self.state = state

    async def load(self, *, tenant: str, key: object) -> tuple[Payment, int]:
        return self.state, 0


class Nobody:
    """Fails the test when anybody is asked anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked")


class App:
    def __init__(self, state: Payment) -> None:
        self.payments = Payments(state)
        self.provider = self.sealers = self.payment_checks = Nobody()


def react(state: Payment, now: datetime) -> Sequence[Dispatch]:
    envelope = Envelope(
        id=UUID(int=2),
        source="billing",
        type="PaymentStarted.v1",
        key="payment-north.1",
        position="1",
        data=DATA,
        metadata=Metadata(
            tenant="north",
            actor="account:1",
            role="patient",
            time=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
            correlation=UUID(int=3),
        ),
    )
    app: Any = App(state)
    return asyncio.run(on_payment_started(STARTED, Cause(envelope, now, "billing"), app))


waiting = Open(payment=STARTED.payment, expires_at=STARTED.expires_at)
pending = Open(
    payment=STARTED.payment,
    expires_at=STARTED.expires_at,
    provider_payment_id="p",
    confirmation_url="https://pay",
)
expired = Closed(payment=STARTED.payment, outcome=Outcome.EXPIRED, provider_payment_id=None)


@pytest.mark.parametrize("state", [pending, expired])
def test_what_is_answered_is_not_asked_again(state: Payment) -> None:
    assert react(state, STARTED.started_at) == []


@pytest.mark.parametrize("now", [STARTED.expires_at, STARTED.expires_at + MOMENT])
def test_what_nobody_waits_for_any_more_is_not_asked(now: datetime) -> None:
    (dispatch,) = react(waiting, now)
    assert (dispatch.to, dispatch.key) == ("payments", STARTED.payment.payment_id)
    assert dispatch.command == ExpirePayment(now=now)


def test_a_moment_before_the_end_it_is_asked() -> None:
    with pytest.raises(AssertionError, match="was asked"):
        react(waiting, STARTED.expires_at - MOMENT)
