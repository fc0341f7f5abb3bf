"""The PolicySet stream: every change of a tenant's policies of one service, with the instant from which it holds."""

import typing
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import msgspec

from decider import Decider, Rejection
from event_store import Codec

__all__ = [
    "CATEGORY",
    "POLICY_CODEC",
    "EffectiveFromPast",
    "PolicyChanged",
    "PolicyReason",
    "PolicyValueInvalid",
    "SetPolicy",
    "Timeline",
    "UnknownPolicy",
    "policy_decider",
]

CATEGORY: Final = "policy-set"
"""Streams `policy-set-<tenant>.<service>`."""

P = TypeVar("P")


class PolicyReason(StrEnum):
    """Why a policy changes: a code, because free text could hold personal data and would be stored in the clear."""

    LAW = "LAW"
    PATIENTS_ASKED = "PATIENTS_ASKED"
    STAFF_ASKED = "STAFF_ASKED"
    SAFETY = "SAFETY"
    COSTS = "COSTS"
    TRIAL = "TRIAL"
    CORRECTION = "CORRECTION"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy:
    """A wish to give one policy a value (JSON) from an instant on; at once when none is named."""

    key: str
    value: Any
    effective_from: datetime | None
    now: datetime
    set_by: str
    reason: PolicyReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged:
    """From `effective_from` on `key` is `value` and no longer `before`. `version` counts the stream's changes from 1.

    Stored names and fields are for ever.
    """

    version: int
    key: str
    value: Any
    before: Any
    effective_from: datetime
    set_by: str
    reason: str


POLICY_CODEC: Final[Codec[PolicyChanged]] = Codec({PolicyChanged: "PolicyChanged.v1"})

State = tuple[PolicyChanged, ...]


class UnknownPolicy(Rejection):
    """The service has no policy of this name."""

    code = "UNKNOWN_POLICY"

    def __init__(self, policy: str) -> None:
        super().__init__()
        self.policy = policy


class PolicyValueInvalid(Rejection):
    """The value has the wrong type, or does not go with the other policies; `problem` says why."""

    code = "POLICY_VALUE_INVALID"

    def __init__(self, policy: str, problem: str) -> None:
        super().__init__()
        self.policy, self.problem = policy, problem


class EffectiveFromPast(Rejection):
    """A change may not reach back: decisions were made by what held then."""

    code = "EFFECTIVE_FROM_PAST"

    def __init__(self, effective_from: datetime, now: datetime) -> None:
        super().__init__()
        self.effective_from, self.now = effective_from, now


class Timeline(Generic[P]):
    """What holds when, after some changes.

    At an instant each key has the value of the change with the latest `effective_from` at or before it; of two with
    the same instant the later made one.
    """

    def __init__(self, shape: type[P], changes: Sequence[PolicyChanged]) -> None:
        """Raises PolicyValueInvalid when the values of some instant do not go together."""
        ordered = sorted(changes, key=lambda change: (change.effective_from, change.version))
        self.version = len(changes)
        self._starts: list[datetime] = []
        self._values: list[Mapping[str, Any]] = [{}]
        for change in ordered:
            values = {**self._values[-1], change.key: change.value}
            if self._starts and self._starts[-1] == change.effective_from:
                self._values[-1] = values
            else:
                self._starts.append(change.effective_from)
                self._values.append(values)
        self._policies = [policies_of(shape, values) for values in self._values]

    def at(self, instant: datetime) -> P:
        """The policies that hold at an instant."""
        return self._policies[bisect_right(self._starts, instant)]


def policies_of(shape: type[P], values: Mapping[str, Any]) -> P:
    """The policies with some values set and the others at their defaults; a key of the past is passed over.

    Raises PolicyValueInvalid.
    """
    types = policy_types(shape)
    known: dict[str, Any] = {}
    for key, value in values.items():
        if key in types:
            try:
                known[key] = msgspec.convert(value, types[key], strict=True)
            except msgspec.ValidationError as error:
                raise PolicyValueInvalid(key, str(error)) from error
    try:
        return shape(**known)
    except ValueError as error:
        raise PolicyValueInvalid(",".join(known), str(error)) from error


def policy_types(shape: type[Any]) -> dict[str, Any]:
    """The keys of a service's policies, with the types of their values."""
    hints = typing.get_type_hints(shape)
    return {field.name: hints[field.name] for field in fields(shape)}


def policy_decider(shape: type[Any]) -> Decider[SetPolicy, State, PolicyChanged]:
    """The rules of one service's policies.

    A change starts now or later, never earlier. A wish that holds already at its instant adds nothing, whenever it is
    made. A value must fit its field and go together with the others, from its instant on and with every change that
    is planned for later.
    """
    types = policy_types(shape)

    def decide(command: SetPolicy, state: State) -> Sequence[PolicyChanged]:
        key = command.key
        if key not in types:
            raise UnknownPolicy(key)
        try:
            value = msgspec.to_builtins(msgspec.convert(command.value, types[key], strict=True))
        except msgspec.ValidationError as error:
            raise PolicyValueInvalid(key, str(error)) from error
        start = command.effective_from or command.now
        before = msgspec.to_builtins(getattr(Timeline(shape, state).at(start), key))
        if value == before:
            return []
        if start < command.now:
            raise EffectiveFromPast(start, command.now)
        changed = PolicyChanged(
            version=len(state) + 1,
            key=key,
            value=value,
            before=before,
            effective_from=start,
            set_by=command.set_by,
            reason=command.reason.value,
        )
        try:
            Timeline(shape, (*state, changed))
        except PolicyValueInvalid as error:
            raise PolicyValueInvalid(key, error.problem) from error
        return [changed]

    return Decider(initial=(), decide=decide, evolve=lambda state, event: (*state, event))
