"""Twenty journeys while processes are killed with SIGKILL every second or so: afterwards everything holds."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from journeys.chaos import Plan, chaos


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.requirement("BKG-26", "BKG-30", "NTF-27", "GW-18")
async def test_killed_processes_lose_nothing_and_repeat_nothing() -> None:
    data = Path(tempfile.mkdtemp(prefix="kabinet-chaos-"))
    report = data / "report.json"
    holds = await chaos(Plan(data=data, report=report, journeys=20))
    found = json.loads(report.read_text())
    assert holds, [check for check in found["checks"] if check["wrong"]]
    assert sum(found["kills"].values()) >= 5
    shutil.rmtree(data)
