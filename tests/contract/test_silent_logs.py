"""Nothing personal reaches a log: every golden sample is logged in the worst ways, and its values are searched for."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted(
    [*ROOT.glob("services/*/samples/*.json"), *ROOT.glob("contracts/samples/*/*.json")]
)
PERSONAL = {"cipher", "email", "phone", "text", "last_name", "first_name", "patronymic", "code"}

LOG_EVERYTHING = """
import json, logging, sys, structlog
from service_kit.logging import set_up_logging
set_up_logging("test", level="DEBUG")
log = structlog.get_logger()
for file in sys.stdin.read().split():
    sample = json.load(open(file))
    text = json.dumps(sample, ensure_ascii=False)
    log.info("event.seen", **{f"field_{name}": value for name, value in sample.items()})
    log.info("event.seen", body=sample, event_data=text)
    logging.getLogger("foreign").warning("got %s", text)
    logging.getLogger("foreign").warning("got %s", sample)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("event.failed")
"""


def personal_values(node: Any, name: str = "") -> Iterator[str]:
    """Ciphers, and whatever stands in a field that could hold a person's value."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from personal_values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from personal_values(value, name)
    elif name in PERSONAL and isinstance(node, str) and len(node) > 3:
        yield node


@pytest.mark.requirement("OPS-19")
def test_logged_samples_say_nothing_personal() -> None:
    values = {value for file in SAMPLES for value in personal_values(json.loads(file.read_text()))}
    assert len(values) > 20, "there are no samples to try"
    logged = subprocess.run(
        [sys.executable, "-c", LOG_EVERYTHING],
        input=" ".join(str(file) for file in SAMPLES),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert logged.count("event.failed") == len(SAMPLES)
    assert [value for value in values if value in logged] == []
