"""`python -m bench`: every measurement beside its floor, as a table and as build/bench.json."""

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop

if not __package__:  # started by its path
    sys.path[0] = str(Path(__file__).parents[1])

from rich.console import Console
from rich.table import Table

from bench import appends, commands, gateway, kafka, projections, reads, telemetry
from bench.harness import Bench, Result
from embedded.postgres import running_postgres

GROUPS = (appends, commands, telemetry, reads, projections, kafka, gateway)

console = Console()
if not console.is_terminal:
    console = Console(width=160)


async def measure(names: list[str], output: Path, *, quick: bool) -> list[Result]:
    """Every result is written down at once; a measurement that fails takes no other with it."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="kabinet-bench-") as folder:
        async with running_postgres(Path(folder)) as server:
            bench = Bench(server, quick=quick)
            for group in GROUPS:
                for name, measurement in group.MEASUREMENTS.items():
                    if not names or name in names:
                        console.print(f"measuring {name}", style="dim")
                        async for result in _guarded(name, measurement(bench)):
                            results.append(result)
                            _write(results, output)
    return results


async def _guarded(name: str, measured: AsyncIterator[Result]) -> AsyncIterator[Result]:
    try:
        async for result in measured:
            yield result
    except Exception as error:  # noqa: BLE001 - whatever it is, the other measurements go on
        console.print_exception()
        yield Result.failed(name, error)


def _write(results: list[Result], output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")


def table(results: list[Result]) -> Table:
    drawn = Table("work", "unit")
    for heading in ("value", "floor", "ratio", "reach", ""):
        drawn.add_column(heading, justify="right")
    for result in results:
        drawn.add_row(
            *(result.work, result.unit, number(result.value), number(result.floor)),
            *(number(result.ratio), result.reach, verdict(result)),
        )
    return drawn


def verdict(result: Result) -> str:
    if result.error is not None:
        return "failed"
    return "holds" if result.holds else "missed"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def main() -> None:
    # Pages of thousands of small objects would be searched for cycles again and again; there are none.
    gc.set_threshold(50_000, 20, 50)
    known = [name for group in GROUPS for name in group.MEASUREMENTS]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=known, default=[], metavar="NAME", help=", ".join(known)
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: does it run, not how fast"
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    chosen = parser.parse_args()
    results = uvloop.run(measure(chosen.only, chosen.output, quick=chosen.quick))
    console.print(table(results))
    if any(result.error for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
