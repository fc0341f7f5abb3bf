"""Ids, money and periods."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.ids import InvalidTenantId, tenant_id
from vocabulary.money import ZERO, InvalidMoney, Money, total
from vocabulary.period import InvalidPeriod, Period

amounts = st.integers(min_value=0, max_value=10**15).map(lambda kopecks: Money(kopecks=kopecks))
NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
ELEVEN = TEN + timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("text", ["a", "north-clinic", "7", "a" * 40])
def test_a_slug_is_a_tenant_id(text: str) -> None:
    assert tenant_id(text) == text


@pytest.mark.parametrize("text", ["", "-a", "North", "a.b", "a b", "a" * 41, "клиника", "a\n"])
def test_anything_else_is_no_tenant_id(text: str) -> None:
    with pytest.raises(InvalidTenantId) as refused:
        tenant_id(text)
    assert refused.value.code == "TENANT_ID_INVALID"


@given(amounts)
def test_money_survives_its_decimal_form(amount: Money) -> None:
    assert Money.from_decimal_string(amount.to_decimal_string()) == amount


@pytest.mark.parametrize(
    ("text", "kopecks"), [("1500.00", 150000), ("1500", 150000), ("1500.5", 150050), ("0.01", 1)]
)
def test_decimal_strings_are_roubles(text: str, kopecks: int) -> None:
    assert Money.from_decimal_string(text) == Money(kopecks=kopecks)


@pytest.mark.parametrize("text", ["", "-1", "1,50", "1.005", ".5", "1.", "1e3", " 1", "1_0", "٣"])
def test_other_texts_are_no_money(text: str) -> None:
    with pytest.raises(InvalidMoney):
        Money.from_decimal_string(text)


def test_money_is_never_negative_nor_broken() -> None:
    with pytest.raises(InvalidMoney):
        Money(kopecks=-1)
    with pytest.raises(InvalidMoney):
        Money(kopecks=1.5)  # type: ignore[arg-type] # what an untyped caller could do
    with pytest.raises(InvalidMoney):
        Money(kopecks=True)
    with pytest.raises(InvalidMoney):
        _ = Money(kopecks=1) - Money(kopecks=2)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"kopecks": -1}', type=Money)


@given(amounts, amounts, st.integers(min_value=0, max_value=1000))
def test_money_adds_up(one: Money, other: Money, times: int) -> None:
    assert one + other - other == one
    assert one * times == times * one == total([one] * times)
    assert (one < other) == (one.kopecks < other.kopecks)
    assert one >= ZERO
    assert bool(one) == (one != ZERO)


def test_a_period_needs_utc_and_a_length() -> None:
    for start, end in [
        (NINE, NINE),
        (TEN, NINE),
        (NINE.replace(tzinfo=None), TEN),
        (NINE, TEN.astimezone(timezone(timedelta(hours=3)))),
    ]:
        with pytest.raises(InvalidPeriod):
            Period(start=start, end=end)
    assert Period(start=NINE, end=NINE + TICK).duration == TICK


def test_a_period_has_its_start_but_not_its_end() -> None:
    hour = Period(start=NINE, end=TEN)
    assert [hour.contains(at) for at in (NINE - TICK, NINE, TEN - TICK, TEN)] == [
        False,
        True,
        True,
        False,
    ]


def test_touching_periods_do_not_overlap() -> None:
    first = Period(start=NINE, end=TEN)
    assert not first.overlaps(Period(start=TEN, end=ELEVEN))
    assert not Period(start=TEN, end=ELEVEN).overlaps(first)
    assert first.overlaps(Period(start=TEN - TICK, end=ELEVEN))
    assert Period(start=NINE, end=ELEVEN).covers(first)
    assert not first.covers(Period(start=NINE, end=TEN + TICK))


def test_a_period_is_stored_and_read_back() -> None:
    hour = Period(start=NINE, end=TEN)
    assert msgspec.json.decode(msgspec.json.encode(hour), type=Period) == hour
