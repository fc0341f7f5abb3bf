"""The form that doctors fill in (CON-01, CON-02, CON-03)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from conclusions.api.access import ACCESS
from conclusions.api.dependencies import TextsDep
from conclusions.domain.form import FIELD_KEYS, REASON_KEY
from service_kit.access import Caller

__all__ = ["LONGEST_FIELD", "router"]

router = APIRouter(prefix="/api/v1", tags=["conclusions"])

LONGEST_FIELD = 20_000


class FieldOut(BaseModel):
    """A field of the form; the reason for the visit stands before the numbered ones."""

    key: str
    number: int | None
    label: str
    hint: str | None
    max_length: int = Field(description="Characters")


class FormOut(BaseModel):
    """The form in the caller's language."""

    fields: list[FieldOut]


@router.get("/conclusion-form")
async def read_conclusion_form(
    texts: TextsDep, caller: Annotated[Caller, Depends(ACCESS.allow("read_conclusion_form"))]
) -> FormOut:
    """The fields of a conclusion with their numbers, names and hints."""
    catalogue = texts.catalogue(caller.language)
    reason = FieldOut(
        key=REASON_KEY,
        number=None,
        label=catalogue["pdf.reason_for_visit"],
        hint=None,
        max_length=LONGEST_FIELD,
    )
    numbered = [
        FieldOut(
            key=key,
            number=number,
            label=catalogue[f"fields.{key}"],
            hint=catalogue.get(f"hints.{key}"),
            max_length=LONGEST_FIELD,
        )
        for number, key in enumerate(FIELD_KEYS, start=1)
    ]
    return FormOut(fields=[reason, *numbered])
