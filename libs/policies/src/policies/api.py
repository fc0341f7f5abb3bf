"""The administrator's routes to a service's policies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request

from decider import Rejection
from policies.book import PolicyBook
from policies.decider import (
    EffectiveFromPast,
    PolicyChanged,
    PolicyReason,
    PolicyValueInvalid,
    SetPolicy,
    UnknownPolicy,
    policy_types,
)
from service_kit.access import Access, AccessTable, Caller, Ownership
from service_kit.problems import ProblemTable
from service_kit.reads import Page, PageQueryDep, number, page_of

__all__ = ["POLICY_ACCESS", "POLICY_PROBLEMS", "policies_router"]

POLICY_ACCESS: Final = (
    Access("read_policies", {"administrator": Ownership.TENANT}),
    Access("set_policy", {"administrator": Ownership.TENANT}),
)
"""Rows for the service's table of access."""

POLICY_PROBLEMS: Final[Mapping[type[Rejection], int]] = {
    UnknownPolicy: 404,
    PolicyValueInvalid: 422,
    EffectiveFromPast: 409,
}
"""Rows for the service's table of problems."""


class Change(BaseModel):
    """A change of one policy: what it is from an instant on, and what it would have been."""

    version: int
    key: str
    value: Any
    before: Any
    effective_from: datetime
    set_by: str
    reason: str


class Policy(BaseModel):
    """A policy: its value now, its default, and what is planned."""

    key: str
    value: Any
    default: Any
    upcoming: list[Change]


class Policies(BaseModel):
    """All policies of the service. `version` is what decisions of now record."""

    service: str
    version: int
    items: list[Policy]


class NewValue(BaseModel):
    """Which policy is to be what, from when (now when left out), and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "key": "hold_minutes",
                    "value": 20,
                    "effective_from": "2026-12-01T00:00:00+03:00",
                    "reason": "PATIENTS_ASKED",
                }
            ]
        },
    )

    key: str = Field(max_length=100)
    value: Any
    effective_from: AwareDatetime | None = None
    reason: PolicyReason


_TABLE: Final = AccessTable(*POLICY_ACCESS)
Reader = Annotated[Caller, Depends(_TABLE.allow("read_policies"))]
Setter = Annotated[Caller, Depends(_TABLE.allow("set_policy"))]


def policies_router(service: str) -> APIRouter:
    """Routes under `/api/v1/policies/<service>`; the PolicyBook is `request.app.state.policies`.

    The service's table of access holds the rows of `POLICY_ACCESS`, its problem table those of `POLICY_PROBLEMS`.
    """
    router = APIRouter(prefix=f"/api/v1/policies/{service}", tags=["policies"])
    router.get("")(list_policies)
    router.get("/history")(list_policy_changes)
    responses = ProblemTable(POLICY_PROBLEMS).of(*POLICY_PROBLEMS)
    router.put("", responses=responses)(set_policy)
    return router


async def book_of(request: Request) -> PolicyBook[Any]:
    """The service's policies."""
    book: PolicyBook[Any] = request.app.state.policies
    return book


Book = Annotated[PolicyBook[Any], Depends(book_of)]


async def list_policies(caller: Reader, book: Book) -> Policies:
    """What holds in the clinic now, and what is planned."""
    return await _policies(caller, book)


async def list_policy_changes(caller: Reader, book: Book, query: PageQueryDep) -> Page[Change]:
    """Every change ever made, the newest first (OPS-10)."""
    changes = await book.changes(caller.tenant)
    (below,) = query.place(version=number) or (len(changes) + 1,)
    rows = [change for change in reversed(changes) if change.version < below]
    return page_of(
        rows[: query.limit + 1],
        query,
        key=lambda change: {"version": change.version},
        show=_shown,
    )


async def set_policy(wish: NewValue, caller: Setter, book: Book) -> Policies:
    """Give one policy a new value, from now or from a later instant on. Decisions made before keep theirs."""
    command = SetPolicy(
        key=wish.key,
        value=wish.value,
        effective_from=wish.effective_from,
        now=caller.now,
        set_by=caller.actor,
        reason=wish.reason,
    )
    caller.confirm(await book.set(command, caller.context()))
    return await _policies(caller, book)


async def _policies(caller: Caller, book: PolicyBook[Any]) -> Policies:
    current, version = await book.at(caller.tenant, caller.now)
    defaults, changes = book.shape(), await book.changes(caller.tenant)
    planned = sorted(
        (change for change in changes if change.effective_from > caller.now),
        key=lambda change: (change.effective_from, change.version),
    )
    return Policies(
        service=book.service,
        version=version,
        items=[
            Policy(
                key=key,
                value=msgspec.to_builtins(getattr(current, key)),
                default=msgspec.to_builtins(getattr(defaults, key)),
                upcoming=[_shown(change) for change in planned if change.key == key],
            )
            for key in policy_types(book.shape)
        ],
    )


def _shown(change: PolicyChanged) -> Change:
    return Change.model_validate(change, from_attributes=True)
