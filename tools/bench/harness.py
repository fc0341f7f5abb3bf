"""Measuring: work beside its floor, in alternating rounds, on one server that the bench starts for itself."""

import asyncio
import gc
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar

import asyncpg
from typing_extensions import override

from embedded.postgres import with_database

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table. `ratio` is `value` to `floor`, where there is one; `reach` says what should be.

    A measurement that failed has no value, and its `error` says why.
    """

    work: str
    value: float | None
    unit: str
    floor: float | None
    ratio: float | None
    reach: str
    holds: bool
    error: str | None = None

    @staticmethod
    def failed(name: str, error: BaseException) -> "Result":
        """What is left of a measurement that failed."""
        return Result(
            work=name,
            value=None,
            unit="",
            floor=None,
            ratio=None,
            reach="to be measured",
            holds=False,
            error=f"{type(error).__name__}: {error}"[:500],
        )

    def as_json(self) -> dict[str, object]:
        """As in build/bench.json; `error` stands only where there is one."""
        fields = asdict(self)
        return fields if self.error else {k: v for k, v in fields.items() if k != "error"}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a ratio should be."""

    kind: Literal["at least", "at most", "above", "below"]
    number: float

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.number:g}"

    def result(self, work: str, unit: str, value: float, floor: float) -> Result:
        ratio = value / floor
        holds = {
            "at least": ratio >= self.number,
            "at most": ratio <= self.number,
            "above": ratio > self.number,
            "below": ratio < self.number,
        }[self.kind]
        return Result(
            work=work,
            value=round(value, 3),
            unit=unit,
            floor=round(floor, 3),
            ratio=round(ratio, 3),
            reach=str(self),
            holds=holds,
        )


class Bench:
    """What a measurement gets: databases, and how much to do."""

    def __init__(self, server: str, *, quick: bool) -> None:
        self.server, self.quick = server, quick
        self.rounds = 3 if quick else 5
        self._numbers = itertools.count(1)

    def size(self, full: int, quick: int) -> int:
        """How many, in a full run or in a quick one."""
        return quick if self.quick else full

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """Address of an empty database."""
        name = f"bench_{next(self._numbers)}"
        await self._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await self._administer(f"CREATE DATABASE {name}")
        try:
            yield with_database(self.server, name)
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


Measurement = Callable[[Bench], AsyncIterator[Result]]
Group = Mapping[str, Measurement]


async def alternate(rounds: int, *works: Callable[[], Awaitable[T]]) -> list[list[T]]:
    """What each work gave in each round, measured in turns, after one turn that does not count."""
    measured: list[list[T]] = [[] for _ in works]
    for turn in range(rounds + 1):
        for work, values in zip(works, measured, strict=True):
            gc.collect()
            value = await work()
            if turn:
                values.append(value)
    return measured


def middle(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


@dataclass(slots=True)
class Load:
    """Runs callers side by side and keeps how long each of their calls took."""

    latencies: list[float]
    seconds: float = 0.0

    @staticmethod
    async def run(callers: int, calls: int, call: Callable[[int], Awaitable[object]]) -> "Load":
        """`calls` calls by `callers` at once; `call` gets the number of its turn."""
        load = Load([])
        turns = iter(range(calls))
        clock = time.perf_counter

        async def one() -> None:
            for turn in turns:
                begun = clock()
                await call(turn)
                load.latencies.append(clock() - begun)

        begun = clock()
        await asyncio.gather(*(one() for _ in range(callers)))
        load.seconds = clock() - begun
        return load

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the calls did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000
