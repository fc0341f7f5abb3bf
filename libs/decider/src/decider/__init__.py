"""Decisions as pure functions: a rule is `decide`, a memory is `evolve`, a refusal is a `Rejection`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Generic, TypeVar

__all__ = ["Decider", "Rejection", "fold"]

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


class Rejection(Exception):
    """The rules say no.

    A subclass names one reason. `code` is its stable public name (capitals, listed in the API); the facts of the
    refusal are attributes, never prose, and know nothing of HTTP.
    """

    code: ClassVar[str] = "REJECTED"

    @property
    def facts(self) -> dict[str, object]:
        """What the caller may be told beside the code: the public attributes of this rejection."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[C, S, E]):
    """One aggregate: its first state, its rules and its memory.

    The form is Jérémie Chassaing's functional event sourcing decider. Laws that every decider keeps, and that
    `decider.testing` checks: `decide` returns nothing when the wish is already true, raises a `Rejection` when it
    may not become true, and reads neither clock nor chance; `evolve` never raises on a fact that `decide` made.
    """

    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]


def fold(decider: Decider[C, S, E], events: Iterable[E], state: S | None = None) -> S:
    """The state after `events`, from `state` or from the decider's first state."""
    return reduce(decider.evolve, events, decider.initial if state is None else state)
