"""Given / when / then: a test of a rule that shows only facts.

appointment = Specification(DECIDER)
appointment.given(reserved).when(cancel).then(cancelled)
appointment.given().when(cancel).then_rejected(NotReserved)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from decider import Decider, Rejection, fold

__all__ = ["Specification"]

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Specification(Generic[C, S, E]):
    """A decider under test."""

    decider: Decider[C, S, E]

    def given(self, *events: E) -> "Given[C, S, E]":
        """The facts so far."""
        return Given(self.decider, fold(self.decider, events))


@dataclass(frozen=True, slots=True)
class Given(Generic[C, S, E]):
    """A history, folded."""

    decider: Decider[C, S, E]
    state: S

    def when(self, *commands: C) -> "Outcome[C, S, E]":
        """Commands in order; facts of all but the last become history."""
        state = self.state
        for command in commands[:-1]:
            state = fold(self.decider, self.decider.decide(command, state), state)
        try:
            facts = tuple(self.decider.decide(commands[-1], state))
        except Rejection as refusal:
            return Outcome(self.decider, state, commands[-1], (), refusal)
        return Outcome(self.decider, state, commands[-1], facts, None)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[C, S, E]):
    """What the last command led to."""

    decider: Decider[C, S, E]
    state: S
    command: C
    facts: Sequence[E]
    refusal: Rejection | None

    def then(self, *expected: E) -> None:
        """Exactly these facts; and the same command once more adds nothing (the law of repeats)."""
        assert self.refusal is None, f"rejected: {self.refusal!r} {vars(self.refusal)}"
        assert tuple(self.facts) == expected
        after = fold(self.decider, self.facts, self.state)
        assert tuple(self.decider.decide(self.command, after)) == (), "a repeat must add nothing"

    def then_nothing(self) -> None:
        """The wish is true already."""
        assert self.refusal is None, f"rejected: {self.refusal!r}"
        assert tuple(self.facts) == ()

    def then_rejected(self, reason: type[Rejection], **facts: object) -> None:
        """Refused for `reason`, with at least these facts."""
        assert self.refusal is not None, f"not rejected, but {self.facts}"
        assert type(self.refusal) is reason, repr(self.refusal)
        for name, value in facts.items():
            assert getattr(self.refusal, name) == value
