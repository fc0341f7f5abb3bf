"""Routes of the audit trail."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from ops.api.access import ACCESS
from ops.timeline import Entry, told
from ops.trail import Trail
from service_kit.access import Caller
from service_kit.problems import NotFound

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


async def trail_of(request: Request) -> Trail:
    trail: Trail = request.app.state.trail
    return trail


TrailDep = Annotated[Trail, Depends(trail_of)]


class EntryOut(BaseModel):
    """One event of the story."""

    event_id: UUID
    time: datetime
    service: str
    type: str
    stream: str
    revision: int
    actor: str = Field(description="account:<id>, service:<name> or anonymous")
    role: str
    subject: str | None
    because: str = Field(description="The event that led to it, or `request`")
    correlation_id: UUID
    causation_id: UUID | None
    policy_version: int | None
    facts: Mapping[str, str | int | bool]


class Timeline(BaseModel):
    """Events in order: nothing stands before its cause."""

    items: Sequence[EntryOut]


@router.get("/appointments/{appointment_id}")
async def read_appointment_timeline(
    appointment_id: UUID,
    trail: TrailDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_appointment_timeline"))],
) -> Timeline:
    """The whole story of an appointment over all services: who did what, when, and why."""
    return _shown(_found(await trail.story(appointment_id, tenant=caller.tenant)))


@router.get("/subjects/{subject}")
async def read_subject_timeline(
    subject: UUID,
    trail: TrailDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_subject_timeline"))],
    limit: Annotated[int, Query(ge=1, le=1000, description="The latest so many")] = 200,
) -> Timeline:
    """The latest events about one person over all services."""
    return _shown(_found(await trail.of_subject(caller.tenant, str(subject), limit)))


def _found(entries: Sequence[Entry]) -> Sequence[Entry]:
    if not entries:
        raise NotFound
    return entries


def _shown(story: Sequence[Entry]) -> Timeline:
    return Timeline(items=[EntryOut.model_validate(entry) for entry in told(story)])
