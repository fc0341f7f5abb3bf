"""A story is told in order, and nothing stands before its cause."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.facts import references, shown_facts
from ops.timeline import Entry, ordered, reason_of

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def entry(
    number: int, *, after: int | None = None, at: timedelta = timedelta(0), **more: object
) -> Entry:
    return replace(
        Entry(
            event_id=UUID(int=number),
            service="booking",
            stream=f"appointment-north.{number}",
            revision=0,
            type="AppointmentReserved.v1",
            time=NOON + at,
            tenant="north",
            actor="service:booking",
            role="service",
            correlation=UUID(int=9),
            causation=None if after is None else UUID(int=after),
        ),
        **more,  # type: ignore[arg-type]  # fields of Entry
    )


@pytest.mark.requirement("OPS-05")
def test_a_cause_stands_before_its_effect_whatever_the_clocks_say() -> None:
    cause = entry(1, at=timedelta(seconds=3))
    effect = entry(2, after=1)
    assert ordered([effect, cause]) == [cause, effect]


def test_a_stream_keeps_its_order() -> None:
    first = entry(1, stream="s", revision=0, at=timedelta(seconds=1))
    second = entry(2, stream="s", revision=1)
    assert ordered([second, first]) == [first, second]


def test_otherwise_the_time_decides() -> None:
    late, early = entry(1, at=timedelta(seconds=1)), entry(2)
    assert ordered([late, early]) == [early, late]


@given(st.permutations(range(12)))
def test_the_order_does_not_depend_on_how_the_events_were_found(found: list[int]) -> None:
    entries = [entry(n + 1, after=n or None, at=timedelta(seconds=n % 3)) for n in range(12)]
    assert ordered([entries[n] for n in found]) == entries


def test_why_something_happened() -> None:
    cause, effect = entry(1), entry(2, after=1)
    by_id = {cause.event_id: cause}
    assert reason_of(effect, by_id) == "booking: AppointmentReserved"
    assert reason_of(cause, by_id) == "request"
    assert reason_of(entry(3, after=77), by_id) == "a timer or an event elsewhere"


def test_ids_are_found_at_any_depth() -> None:
    data = {
        "appointment_id": str(UUID(int=1)),
        "details": {"invoice_id": str(UUID(int=2)), "note": str(UUID(int=3))},
        "provider_payment_id": "not-a-uuid",
    }
    assert references(data) == {UUID(int=1), UUID(int=2)}


@pytest.mark.requirement("OPS-19")
def test_only_allowed_fields_reach_the_trail_and_nothing_sealed() -> None:
    sealed = {"subject": str(UUID(int=1)), "field": "reason", "cipher": "AAAA"}
    data = {
        "reason": "HOLD_EXPIRED",
        "total": {"kopecks": 150000},
        "refund_eligible": True,
        "status": sealed,
        "last_name": "Иванов",
        "text": "болит голова",
        "details": {"starts_at": "2026-12-01T10:00:00Z", "comment": "secret"},
    }
    assert shown_facts(data) == {
        "reason": "HOLD_EXPIRED",
        "total": 150000,
        "refund_eligible": True,
        "starts_at": "2026-12-01T10:00:00Z",
    }
