"""Every import contract is green on the code and red on a planted fault."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"

FAULTS = {
    "Inside a service, imports point inward": (
        "services/booking/src/booking/application/__init__.py",
        "import booking.bootstrap",
    ),
    "Domain code knows no framework, bus, store or clock": (
        "services/booking/src/booking/domain/policies.py",
        "import httpx",
    ),
    "Services meet only on the bus and in contracts": (
        "services/booking/src/booking/domain/policies.py",
        "import billing.domain.policies",
    ),
    "Libraries never import services or contracts": (
        "libs/messaging/src/messaging/__init__.py",
        "import booking.domain.policies",
    ),
    "The decider has no dependencies at all, the vocabulary almost none": (
        "libs/decider/src/decider/__init__.py",
        "import msgspec",
    ),
    "Nobody imports the operator's tool": (
        "services/gateway/src/gateway/routing.py",
        "import ops.timeline",
    ),
    "Aggregates never import each other in a circle": (
        "services/booking/src/booking/domain/doctor_day/events.py",
        "import booking.domain.schedule_template.events",
    ),
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    sources = [*root.glob("libs/*/src"), *root.glob("services/*/src"), root / "contracts/src"]
    path = os.pathsep.join(str(source) for source in sources)
    return subprocess.run(
        [LINT_IMPORTS, "--config", root / ".importlinter", "--no-cache"],
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("libs", "services", "contracts"):
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("tests", "__pycache__", "*.ttf", "*.json"),
        )
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_code_keeps_every_contract() -> None:
    outcome = lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("contract", FAULTS)
def test_a_planted_fault_breaks_its_contract(contract: str, copy: Path) -> None:
    file, line = FAULTS[contract]
    target = copy / file
    target.write_text(f"{target.read_text()}\n{line}\n")

    outcome = lint(copy)

    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert f"{contract} BROKEN" in outcome.stdout
