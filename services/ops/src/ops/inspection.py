"""What ops must know of the services' insides to check them: their codecs, their views, their checkers (ADR 0014)."""

import importlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from billing.domain.verification import MoneyReport, verify_money
from booking.domain.doctor_day.verification import DoubleBooking, find_double_bookings
from event_store import START, Codec, EventFilter, EventStore, RecordedEvent
from privacy.sealing import Sealers
from read_models import Poisoned, View, verify

__all__ = ["Insides", "ViewCheck", "check_bookings", "check_money", "check_view", "insides_of"]

_MONEY = frozenset({"invoice", "payment", "refund"})


@dataclass(frozen=True, slots=True)
class Insides:
    """The codec of all events of a service, and its views."""

    codec: Codec[Any]
    views: Sequence[View[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewCheck:
    """Whether a view equals its events, and what to say of it; `position` and `digest` where it could be folded."""

    same: bool
    outcome: str
    position: str = ""
    digest: str = ""


def insides_of(service: str) -> Insides:
    """Read off the composition root of the service."""
    bootstrap = importlib.import_module(f"{service}.bootstrap")
    return Insides(bootstrap.CODEC, bootstrap.VIEWS)


async def check_bookings(store: EventStore) -> Sequence[DoubleBooking]:
    """Every doctor's time that was ever given away twice, from the whole log of booking (BKG-26)."""
    events = [event async for _, event in _decoded("booking", store, frozenset({"doctor-day"}))]
    return find_double_bookings(events)


async def check_money(store: EventStore) -> MoneyReport:
    """Whether payments, invoices and refunds add up, from the whole log of billing."""
    history = [
        (recorded.meta().tenant, event)
        async for recorded, event in _decoded("billing", store, _MONEY)
    ]
    return verify_money(history)


async def check_view(
    pool: asyncpg.Pool,
    store: EventStore,
    codec: Codec[Any],
    view: View[Any],
    *,
    opener: Sealers | None = None,
) -> ViewCheck:
    """Fold a view again beside the live one and compare; an event that it cannot take is an outcome too."""
    try:
        found = await verify(pool, store, codec, view, opener=opener)
    except Poisoned as poison:
        where = f"{poison.event.type} {poison.event.id}" if poison.event else "a page"
        return ViewCheck(same=False, outcome=f"cannot take {where}: {poison.kind}")
    return ViewCheck(
        same=found.same,
        outcome="equal" if found.same else f"differs at {found.difference}",
        position=str(found.position).lstrip("0") or "0",
        digest=found.live[:12],
    )


async def _decoded(
    service: str, store: EventStore, categories: frozenset[str]
) -> AsyncIterator[tuple[RecordedEvent, Any]]:
    codec = insides_of(service).codec
    async for page in store.read_all(after=START, where=EventFilter(categories=categories)):
        for recorded in page.events:
            yield recorded, codec.decode(recorded)
