"""Policies of a tenant: rules of a change, what holds when, freshness between processes."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decider.testing import Specification
from event_store import CommandContext, Metadata
from event_store.memory import MemoryEventStore
from policies import (
    EffectiveFromPast,
    PolicyBook,
    PolicyChanged,
    PolicyReason,
    PolicyValueInvalid,
    SetPolicy,
    UnknownPolicy,
)
from policies.decider import Timeline, policy_decider
from vocabulary.money import Money

NAMESPACE = UUID("0190f6a0-0000-7000-8000-00000000000a")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
DAY = timedelta(days=1)


FEE = Money(kopecks=100)


class Mode(StrEnum):
    PREPAID = "PREPAID"
    FREE = "FREE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    hold_minutes: int = 15
    warn_minutes: int = 5
    mode: Mode = Mode.PREPAID
    cancel: Literal["WINDOW", "NEVER"] = "WINDOW"
    fee: Money = FEE
    modes: dict[UUID, Mode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.warn_minutes >= self.hold_minutes:
            raise ValueError("warn before the hold ends")


RULES = Specification(policy_decider(Rules))


def wish(key: str, value: Any, start: datetime | None = None, now: datetime = NOON) -> SetPolicy:
    return SetPolicy(
        key=key,
        value=value,
        effective_from=start,
        now=now,
        set_by="account:1",
        reason=PolicyReason.STAFF_ASKED,
    )


def changed(
    version: int, key: str, value: Any, before: Any, start: datetime = NOON
) -> PolicyChanged:
    return PolicyChanged(
        version=version,
        key=key,
        value=value,
        before=before,
        effective_from=start,
        set_by="account:1",
        reason="STAFF_ASKED",
    )


def test_a_policy_is_set_from_now_on() -> None:
    RULES.given().when(wish("hold_minutes", 20)).then(changed(1, "hold_minutes", 20, 15))


def test_a_change_knows_what_it_replaces_at_its_instant() -> None:
    RULES.given(
        changed(1, "hold_minutes", 20, 15), changed(2, "hold_minutes", 30, 20, NOON + DAY)
    ).when(wish("hold_minutes", 40, NOON + 2 * DAY)).then(
        changed(3, "hold_minutes", 40, 30, NOON + 2 * DAY)
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mode", "FREE"),
        ("cancel", "NEVER"),
        ("fee", {"kopecks": 5}),
        ("modes", {str(NAMESPACE): "FREE"}),
    ],
)
def test_a_value_of_its_fields_type_is_taken(key: str, value: object) -> None:
    before = {"mode": "PREPAID", "cancel": "WINDOW", "fee": {"kopecks": 100}, "modes": {}}[key]
    RULES.given().when(wish(key, value)).then(changed(1, key, value, before))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hold_minutes", "20"),
        ("hold_minutes", 20.5),
        ("hold_minutes", None),
        ("mode", "SOMETIMES"),
        ("cancel", "ALWAYS"),
        ("fee", {"kopecks": -1}),
        ("modes", {"no id": "FREE"}),
        ("warn_minutes", 15),
    ],
)
def test_a_value_that_does_not_fit_is_refused(key: str, value: object) -> None:
    RULES.given().when(wish(key, value)).then_rejected(PolicyValueInvalid, policy=key)


def test_a_value_must_go_with_what_is_planned() -> None:
    planned = changed(1, "hold_minutes", 6, 15, NOON + DAY)
    RULES.given(planned).when(wish("warn_minutes", 10)).then_rejected(
        PolicyValueInvalid, policy="warn_minutes"
    )


def test_an_unknown_policy_is_refused() -> None:
    RULES.given().when(wish("hold_hours", 1)).then_rejected(UnknownPolicy, policy="hold_hours")


def test_a_change_never_reaches_back() -> None:
    RULES.given().when(wish("hold_minutes", 20, NOON - MOMENT)).then_rejected(
        EffectiveFromPast, effective_from=NOON - MOMENT, now=NOON
    )
    RULES.given().when(wish("hold_minutes", 20, NOON)).then(changed(1, "hold_minutes", 20, 15))
    later = NOON + MOMENT
    RULES.given().when(wish("hold_minutes", 20, later)).then(
        changed(1, "hold_minutes", 20, 15, later)
    )


def test_what_holds_already_is_not_set_again_even_afterwards() -> None:
    RULES.given().when(wish("hold_minutes", 15)).then_nothing()
    RULES.given(changed(1, "hold_minutes", 20, 15)).when(
        wish("hold_minutes", 20, NOON, now=NOON + DAY)
    ).then_nothing()


def test_a_planned_change_can_be_taken_back_before_its_instant() -> None:
    RULES.given(changed(1, "hold_minutes", 20, 15, NOON + DAY)).when(
        wish("hold_minutes", 15, NOON + DAY)
    ).then(changed(2, "hold_minutes", 15, 20, NOON + DAY))


@given(st.lists(st.tuples(st.integers(6, 60), st.integers(0, 5)), max_size=12))
def test_no_history_breaks_the_timeline(wishes: list[tuple[int, int]]) -> None:
    decider = policy_decider(Rules)
    state: tuple[PolicyChanged, ...] = ()
    for number, (minutes, days) in enumerate(wishes):
        now = NOON + number * MOMENT
        command = wish("hold_minutes", minutes, now + days * DAY, now)
        state = (*state, *decider.decide(command, state))
        assert decider.decide(command, state) == []
        assert Timeline(Rules, state).at(now + days * DAY).hold_minutes == minutes


class Hall:
    """A store, a monotonic clock, and books of several processes."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.seconds = 0.0
        self.commands = 0

    def book(self) -> PolicyBook[Rules]:
        return PolicyBook(self.store, Rules, service="booking", monotonic=lambda: self.seconds)

    def context(self, tenant: str = "north") -> CommandContext:
        self.commands += 1
        return CommandContext(
            command_id=uuid5(NAMESPACE, str(self.commands)),
            metadata=Metadata(
                tenant=tenant, actor="a", role="administrator", time=NOON, correlation=NAMESPACE
            ),
        )


@pytest.mark.requirement("OPS-15")
async def test_a_change_holds_from_its_instant_on_and_not_before() -> None:
    hall = Hall()
    book, start = hall.book(), NOON + DAY
    assert await book.at("north", NOON) == (Rules(), 0)
    await book.set(wish("hold_minutes", 20, start), hall.context())
    assert await book.at("north", start - MOMENT) == (Rules(), 1)
    assert await book.at("north", start) == (Rules(hold_minutes=20), 1)
    assert await book.at("north", start + MOMENT) == (Rules(hold_minutes=20), 1)


@pytest.mark.requirement("OPS-15")
async def test_what_started_under_a_version_keeps_it() -> None:
    hall = Hall()
    book = hall.book()
    _, recorded = await book.at("north", NOON)
    await book.set(wish("hold_minutes", 20), hall.context())
    await book.set(wish("mode", "FREE"), hall.context())
    assert await book.at("north", NOON, version=recorded) == (Rules(), 0)
    assert await book.at("north", NOON, version=1) == (Rules(hold_minutes=20), 1)
    assert await book.at("north", NOON, version=2) == (Rules(hold_minutes=20, mode=Mode.FREE), 2)
    with pytest.raises(ValueError, match="version 3"):
        await book.at("north", NOON, version=3)
    again = hall.book()
    assert await again.at("north", NOON, version=1) == (Rules(hold_minutes=20), 1)


async def test_tenants_have_policies_of_their_own() -> None:
    hall = Hall()
    book = hall.book()
    await book.set(wish("hold_minutes", 20), hall.context("north"))
    assert await book.at("south", NOON) == (Rules(), 0)
    assert [change.value for change in await book.changes("north")] == [20]


async def test_another_process_sees_a_change_after_the_bound_and_one_s_own_at_once() -> None:
    hall = Hall()
    ours, theirs = hall.book(), hall.book()
    assert await theirs.at("north", NOON) == (Rules(), 0)
    await ours.set(wish("hold_minutes", 20), hall.context())
    assert await ours.at("north", NOON) == (Rules(hold_minutes=20), 1)
    hall.seconds = 0.999
    assert await theirs.at("north", NOON) == (Rules(), 0)
    hall.seconds = 1.0
    assert await theirs.at("north", NOON) == (Rules(hold_minutes=20), 1)
    assert replace(await _rules(theirs), hold_minutes=15) == Rules()


async def _rules(book: PolicyBook[Rules]) -> Rules:
    rules, _ = await book.at("north", NOON)
    return rules
