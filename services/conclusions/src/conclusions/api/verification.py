"""Operators ask whether a signature still holds (CON-27)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from conclusions.api.access import ACCESS
from conclusions.api.dependencies import ConclusionsDep, QueriesDep
from conclusions.api.problems import PROBLEMS
from conclusions.application.ports import Outcome
from conclusions.domain.conclusion.errors import ConclusionNotAttached
from conclusions.read_models.conclusions import find
from service_kit.access import Caller
from service_kit.problems import NotFound
from vocabulary.ids import ConclusionId

__all__ = ["router"]

router = APIRouter(prefix="/internal", tags=["internal"])


class VerificationOut(BaseModel):
    """What verifying the stored file from stored data came to; nobody's name is in it."""

    outcome: Outcome
    signed_at: datetime | None
    timestamped: bool = Field(description="Whether a time-stamp authority vouches for `signed_at`")
    roots: Sequence[str] = Field(description="SHA-256 fingerprints of the roots that were trusted")


@router.get(
    "/conclusions/{conclusion_id}/verification", responses=PROBLEMS.of(ConclusionNotAttached)
)
async def verify_signature(
    conclusion_id: UUID,
    conclusions: ConclusionsDep,
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("verify_signature"))],
) -> VerificationOut:
    """Verify a signature again from what was kept with it: no clock and no authority is asked."""
    row = await find(queries, caller.tenant, ConclusionId(conclusion_id))
    if row is None:
        raise NotFound
    found = await conclusions.signing.verify(caller.tenant, row.consultation_id)
    return VerificationOut(
        outcome=found.outcome,
        signed_at=found.signed_at,
        timestamped=found.timestamped,
        roots=found.roots,
    )
