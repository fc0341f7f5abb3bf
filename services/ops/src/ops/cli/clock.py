"""`kabinet clock`: move the clock of the whole suite forward, where it has one of its own."""

import json
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.suite import fail

__all__ = ["move"]

# Services look at the file every 0.2 s, the sandbox twins every second: when the command returns, all have moved.
_NOTICED_SECONDS = 1.1
_STEP = re.compile(r"\+(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")


def move(
    context: typer.Context,
    step: Annotated[
        str, typer.Argument(help="+2h, +1d12h, +90m, +30s; `show`, or `reset` to the real time")
    ] = "show",
) -> None:
    """Show the suite's clock, or move it forward; time never runs backwards while events are made."""
    file = context.obj().clock_file
    if file is None:
        fail("this suite has no clock of its own (OPS_CLOCK_FILE)", 2)
    offset = _read(file)
    if step == "reset":
        offset = 0.0
        _write(file, offset)
    elif step != "show":
        offset += _seconds(step)
        _write(file, offset)
    ahead = timedelta(seconds=round(offset))
    typer.echo(
        "the suite's clock shows the real time"
        if not ahead
        else f"the suite's clock is {ahead} ahead"
    )


def _seconds(step: str) -> float:
    match = _STEP.fullmatch(step)
    if match is None or step == "+":
        fail(f"{step} is no step forward; write +2h, +1d12h, +90m or +30s", 2)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _read(file: Path) -> float:
    try:
        return float(json.loads(file.read_text())["offset_seconds"])
    except FileNotFoundError:
        return 0.0


def _write(file: Path, offset: float) -> None:
    """Replaced in one step: a reader never sees half of it."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"offset_seconds": offset}))
    fresh.replace(file)
    time.sleep(_NOTICED_SECONDS)
