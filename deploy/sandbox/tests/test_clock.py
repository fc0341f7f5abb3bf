"""The clock of a twin: real time plus what the operator's file says."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.clock import OffsetClock

CLOSE = timedelta(seconds=5)


def distance(clock: OffsetClock) -> timedelta:
    return clock() - datetime.fromtimestamp(time.time(), UTC)


def test_without_a_file_it_is_the_real_time(tmp_path: Path) -> None:
    assert abs(distance(OffsetClock())) < CLOSE
    assert abs(distance(OffsetClock(tmp_path / "none.json"))) < CLOSE


def test_it_lives_in_the_future_that_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    path.write_text(json.dumps({"offset_seconds": 7200}))
    assert abs(distance(OffsetClock(path)) - timedelta(hours=2)) < CLOSE


def test_a_change_is_seen_after_a_second_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    path = tmp_path / "clock.json"
    path.write_text('{"offset_seconds": 0}')
    clock = OffsetClock(path)
    assert abs(distance(clock)) < CLOSE
    path.write_text('{"offset_seconds": 3600}')
    seconds = 100.999
    assert abs(distance(clock)) < CLOSE
    seconds = 101.0
    assert abs(distance(clock) - timedelta(hours=1)) < CLOSE


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"offset_seconds": "soon"}'])
def test_a_half_written_file_keeps_the_known_offset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    seconds = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    path = tmp_path / "clock.json"
    path.write_text('{"offset_seconds": 3600}')
    clock = OffsetClock(path)
    clock()
    path.write_text(text)
    seconds = 200.0
    assert abs(distance(clock) - timedelta(hours=1)) < CLOSE
