"""What a branch sells, and for how much."""

from dataclasses import replace
from uuid import UUID

import pytest

from billing.domain.details import InvoiceLine
from billing.domain.price_list.commands import PublishPrice, WithdrawPrice
from billing.domain.price_list.decider import PRICE_LIST, line_of
from billing.domain.price_list.errors import PriceNotPositive, ServiceCodeTaken, ServiceNotPriced
from billing.domain.price_list.events import (
    PriceListEvent,
    PricePublished,
    PriceWithdrawn,
    ServiceScope,
)
from decider import fold
from decider.testing import Specification
from vocabulary.ids import BranchId, ServiceId
from vocabulary.money import ZERO, Money

SERVICE, OTHER, BRANCH = ServiceId(UUID(int=1)), ServiceId(UUID(int=2)), BranchId(UUID(int=3))
published = PricePublished(
    service_id=SERVICE,
    branch_id=BRANCH,
    department="Терапия",
    code="B01.047.001",
    name="Приём терапевта",
    price=Money(kopecks=150_000),
)
publish = PublishPrice(
    service_id=SERVICE,
    branch_id=BRANCH,
    department="Терапия",
    code="B01.047.001",
    name="Приём терапевта",
    price=Money(kopecks=150_000),
)
withdraw = WithdrawPrice(service_id=SERVICE, branch_id=BRANCH)
withdrawn = PriceWithdrawn(service_id=SERVICE, branch_id=BRANCH)
line = InvoiceLine(
    service_id=SERVICE, code=published.code, name=published.name, price=published.price
)
price_list = Specification(PRICE_LIST)


@pytest.mark.requirement("BIL-01")
def test_a_service_has_code_name_and_price() -> None:
    price_list.given().when(publish).then(published)
    dearer = Money(kopecks=160_000)
    price_list.given(published).when(replace(publish, price=dearer)).then(
        replace(published, price=dearer)
    )


@pytest.mark.requirement("BIL-01")
def test_a_service_stays_tied_to_its_doctors_until_it_is_said_otherwise() -> None:
    scope = ServiceScope(specialties=("Терапевт",), kinds=("CLINIC",))
    tied = replace(published, scope=scope)
    price_list.given().when(replace(publish, scope=scope)).then(tied)
    price_list.given(published).when(replace(publish, scope=scope)).then(tied)
    price_list.given(tied).when(publish).then_nothing()
    dearer = Money(kopecks=160_000)
    price_list.given(tied).when(replace(publish, price=dearer)).then(replace(tied, price=dearer))
    price_list.given(tied, withdrawn).when(publish).then(tied)
    price_list.given(tied).when(replace(publish, scope=ServiceScope())).then(published)


@pytest.mark.requirement("BIL-01")
def test_what_costs_nothing_is_not_sold() -> None:
    price_list.given().when(replace(publish, price=ZERO)).then_rejected(PriceNotPositive)


@pytest.mark.requirement("BIL-01")
def test_codes_are_unique_among_what_is_sold() -> None:
    other = replace(publish, service_id=OTHER)
    price_list.given(published).when(other).then_rejected(ServiceCodeTaken)
    price_list.given(published, withdrawn).when(other).then(replace(published, service_id=OTHER))


def test_a_price_is_withdrawn_once_and_may_come_back() -> None:
    price_list.given(published).when(withdraw).then(withdrawn)
    price_list.given(published, withdrawn).when(withdraw).then_nothing()
    price_list.given(published, withdrawn).when(publish).then(published)
    price_list.given().when(withdraw).then_rejected(ServiceNotPriced)


@pytest.mark.requirement("BIL-01")
def test_only_a_service_with_a_price_can_be_prepaid() -> None:
    assert line_of(fold(PRICE_LIST, [published]), SERVICE) == line
    with pytest.raises(ServiceNotPriced):
        line_of(fold(PRICE_LIST, [published]), OTHER)


@pytest.mark.requirement("BIL-04", "BIL-45")
def test_what_was_booked_a_moment_before_it_was_withdrawn_is_invoiced_at_its_last_price() -> None:
    dearer = replace(published, price=Money(kopecks=160_000))
    history: list[PriceListEvent] = [published, dearer, withdrawn]
    assert line_of(fold(PRICE_LIST, history), SERVICE) == replace(line, price=dearer.price)
