"""Processes (sagas): a table of events to what follows from them."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from decider import Rejection
from event_store import CommandContext
from messaging.pump import Terms

__all__ = ["Dispatch", "Process", "Reaction", "Reactions", "send"]

Reaction: TypeAlias = Callable[..., "Sequence[Dispatch] | Awaitable[Sequence[Dispatch] | None]"]
"""`(event, cause) -> dispatches`, pure; or `async (event, cause, application) -> dispatches | None`, with effects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """A command for the aggregate `key` of the application's field `to`.

    `otherwise`: what follows when the rules say no, by kind of rejection (its subclasses too; the first row wins).
    `word` tells apart several commands of one class that one event sends to one aggregate; it has no slash in it.
    """

    to: str
    key: object
    command: object
    word: str = ""
    otherwise: Mapping[type[Rejection], Callable[[Any], "Sequence[Dispatch]"]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One saga of a service, fed by the service's own events.

    State that rules depend on belongs into a stream with its own decider, not here. `starts` and `ends` name the
    instance that an event begins or finishes; instances open for too long are listed as stuck. `terms`: how patient it
    is, for one that asks the outside world.
    """

    name: str
    reactions: Mapping[type[Any], Reaction]
    starts: Mapping[type[Any], Callable[[Any], str]] = field(default_factory=dict)
    ends: Mapping[type[Any], Callable[[Any], str]] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)

    @property
    def events(self) -> frozenset[type[Any]]:
        """Every event type that the process wants to see."""
        return frozenset(self.reactions) | frozenset(self.starts) | frozenset(self.ends)


class Reactions:
    """Calls the reaction to an event, and sends what it answers."""

    def __init__(self, name: str, table: Mapping[type[Any], Reaction], app: object) -> None:
        self._name, self._app = name, app
        self._table = {
            event: (reaction, inspect.iscoroutinefunction(reaction))
            for event, reaction in table.items()
        }

    async def react(
        self,
        event: object,
        cause: object,
        context: Callable[[str], CommandContext],
        rejected: Callable[[Rejection], None],
    ) -> None:
        """`context` makes the command context of a reaction's name; `rejected` hears of final refusals."""
        row = self._table.get(type(event))
        if row is None:
            return
        reaction, has_effects = row
        try:
            answer = reaction(event, cause, self._app) if has_effects else reaction(event, cause)
            dispatches = await answer if isinstance(answer, Awaitable) else answer
        except Rejection as rejection:
            rejected(rejection)
            return
        await send(
            dispatches or (), app=self._app, name=self._name, context=context, rejected=rejected
        )


async def send(
    dispatches: Sequence[Dispatch],
    *,
    app: object,
    name: str,
    context: Callable[[str], CommandContext],
    rejected: Callable[[Rejection], None],
) -> None:
    """Send each dispatch to the command handler that it names, in order.

    `context(reaction)` derives the context of each from `name` and from what the dispatch is, never from its place: the
    next try may find others beside it, and what stands in the place of an accepted command would pass for its repeat.
    Raises ValueError, and sends nothing, when two are the same. A final refusal goes to `rejected`, and the next
    dispatch is sent all the same.
    """
    named = {_reaction(name, dispatch): dispatch for dispatch in dispatches}
    if len(named) < len(dispatches):
        raise ValueError(f"{name}: commands of one class for one aggregate need words")
    for reaction, dispatch in named.items():
        try:
            # It comes again by nature: what was accepted once must not lead to what follows from a refusal.
            repeatable = msgspec.structs.replace(context(reaction), may_repeat=True)
            await getattr(app, dispatch.to).handle(
                dispatch.command, key=dispatch.key, context=repeatable
            )
        except Rejection as rejection:
            follow = _otherwise(dispatch, rejection)
            if follow is None:
                rejected(rejection)
            else:
                await send(
                    follow(rejection),
                    app=app,
                    name=f"{reaction}/otherwise",
                    context=context,
                    rejected=rejected,
                )


def _reaction(name: str, dispatch: Dispatch) -> str:
    kind = type(dispatch.command).__name__
    return f"{name}/{dispatch.to}/{kind}/{dispatch.word}/{dispatch.key}"


def _otherwise(
    dispatch: Dispatch, rejection: Rejection
) -> Callable[[Any], Sequence[Dispatch]] | None:
    for kind, follow in dispatch.otherwise.items():
        if isinstance(rejection, kind):
            return follow
    return None
