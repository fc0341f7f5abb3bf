from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from decider import Decider, Rejection, fold
from decider.testing import Specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    by: str


class AlreadyOpen(Rejection):
    code = "ALREADY_OPEN"

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by
        self._hidden = "not for the caller"


def decide(command: Open, by: str | None) -> Sequence[Opened]:
    if by is None:
        return [Opened(by=command.by)]
    if by == command.by:
        return []
    raise AlreadyOpen(by)


def forgetful(command: Open, _: str | None) -> Sequence[Opened]:
    return [Opened(by=command.by)]


def evolve(_: str | None, event: Opened) -> str | None:
    return event.by


DOOR: Decider[Open, str | None, Opened] = Decider(initial=None, decide=decide, evolve=evolve)
door = Specification(DOOR)
opened = Opened(by="Anna")


def test_a_fold_begins_with_the_first_state_or_goes_on_from_another() -> None:
    assert fold(DOOR, []) is None
    assert fold(DOOR, [opened, Opened(by="Boris")]) == "Boris"
    assert fold(DOOR, [], "Vera") == "Vera"


def test_a_rejection_tells_its_public_facts() -> None:
    refusal = AlreadyOpen("Anna")
    assert refusal.facts == {"by": "Anna"}
    assert (refusal.code, Rejection().code, Rejection().facts) == ("ALREADY_OPEN", "REJECTED", {})


def test_a_specification_holds_for_what_is_so() -> None:
    door.given().when(Open(by="Anna")).then(opened)
    door.given().when(Open(by="Anna"), Open(by="Anna")).then_nothing()
    door.given(opened).when(Open(by="Boris")).then_rejected(AlreadyOpen, by="Anna")


def test_a_specification_goes_red_for_what_is_not_so() -> None:
    accepted = door.given().when(Open(by="Anna"))
    refused = door.given(opened).when(Open(by="Boris"))
    wrong: list[Callable[[], None]] = [
        accepted.then,
        partial(accepted.then, Opened(by="Boris")),
        accepted.then_nothing,
        partial(accepted.then_rejected, AlreadyOpen),
        partial(refused.then, opened),
        refused.then_nothing,
        partial(refused.then_rejected, Rejection),
        partial(refused.then_rejected, AlreadyOpen, by="Boris"),
    ]
    for claim in wrong:
        with pytest.raises(AssertionError):
            claim()


def test_a_specification_goes_red_when_a_repeat_adds_something() -> None:
    careless: Decider[Open, str | None, Opened] = Decider(
        initial=None, decide=forgetful, evolve=evolve
    )
    with pytest.raises(AssertionError, match="repeat"):
        Specification(careless).given().when(Open(by="Anna")).then(opened)
