"""The suite as `make run` starts it, on the server of the bench; for measuring, only what the measured calls reach."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from embedded.declared import Machine, Process
from embedded.preparation import Refused, check_ports, choose_ports
from embedded.settings import inherited
from embedded.suite import KABINET
from embedded.supervisor import Supervisor
from journeys.suite import Suite, find

_FIRST_PORTS: Final = range(23_000, 32_000, 100)
_SETTINGS: Final = {"GATEWAY_ANONYMOUS_WRITES_PER_MINUTE": "10000"}


@asynccontextmanager
async def running_suite(
    server: str, data: Path, only: Collection[str] = ()
) -> AsyncIterator[Suite]:
    """The processes named in `only` (all without), for the length of a block. A later block finds the data again."""

    def processes(machine: Machine) -> Sequence[Process]:
        declared = KABINET.processes(machine)
        chosen = [process for process in declared if not only or process.name in only]
        names = {process.name for process in chosen}
        return [
            replace(process, needs=[need for need in process.needs if need in names])
            for process in chosen
        ]

    said: list[str] = []
    supervisor = Supervisor(
        replace(KABINET, processes=processes),
        data,
        said.append,
        first_port=await asyncio.to_thread(_free_ports),
        chosen_ports={},
        environment={**inherited(), **_SETTINGS},
        external_postgres=server,
    )
    running = asyncio.create_task(supervisor.run())
    try:
        while (suite := find(data)) is None:
            if running.done():
                raise RuntimeError("\n".join(["the suite did not start", *said])) from (
                    running.exception()
                )
            await asyncio.sleep(0.1)
        yield suite
    finally:
        supervisor.ask_to_stop()
        with suppress(Exception):
            await running


def _free_ports() -> int:
    for first in _FIRST_PORTS:
        with suppress(Refused):
            check_ports(KABINET, choose_ports(KABINET, first, {}), None)
            return first
    raise RuntimeError("no free ports")


async def quiet(suite: Suite, *, share: float = 0.15, look_seconds: float = 0.5) -> None:
    """Wait until the processes of the suite use less than `share` of a processor: nothing follows any more."""
    pids = [process.pid for process in suite.runtime.processes.values() if process.pid]
    before = _processor_seconds(pids)
    while True:
        await asyncio.sleep(look_seconds)
        now = _processor_seconds(pids)
        if now - before < share * look_seconds:
            return
        before = now


def _processor_seconds(pids: Collection[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
