"""How the mail and SMS sink misbehaves when it is told to."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Times = Annotated[int, Field(ge=0, le=1_000_000)]
Counter = Literal["refuse_next", "drop_after_accept", "sms_refuse_next", "sms_fail_after_accept"]


class Behaviour(BaseModel):
    """Good manners by default; a counter goes down by one each time it has its effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refuse_next: Times = Field(default=0, description="The next N letters are refused.")
    refuse_code: Annotated[int, Field(ge=400, le=599)] = 451
    drop_after_accept: Times = Field(
        default=0,
        description="The next N letters are kept, but the connection is cut before the answer.",
    )
    slow_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        default=0, description="Every letter and SMS waits for so long (real seconds)."
    )
    sms_refuse_next: Times = Field(default=0, description="The next N SMS are refused.")
    sms_refuse_code: Annotated[int, Field(ge=200, le=999)] = 220
    sms_fail_after_accept: Times = Field(
        default=0, description="The next N SMS calls are kept and answer HTTP 500."
    )


def spend(behaviour: Behaviour, counter: Counter) -> tuple[bool, Behaviour]:
    """Whether the misbehaviour happens now, and what is left of it."""
    left: int = getattr(behaviour, counter)
    if left == 0:
        return False, behaviour
    return True, behaviour.model_copy(update={counter: left - 1})
