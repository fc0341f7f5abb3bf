"""The time of a twin: real time plus an offset that an operator may move."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Clock = Callable[[], datetime]


class OffsetClock:
    """Real time plus `offset_seconds` of a JSON file, which is re-read at most once a second."""

    def __init__(self, path: Path | None = None) -> None:
        """A missing file means no offset."""
        self._path = path
        self._offset_seconds = 0.0
        self._read_at = float("-inf")

    def __call__(self) -> datetime:
        """The present instant of this twin, in UTC."""
        if self._path is not None and time.monotonic() - self._read_at >= 1:
            self._read_at = time.monotonic()
            self._offset_seconds = _read_offset(self._path, otherwise=self._offset_seconds)
        return datetime.fromtimestamp(time.time() + self._offset_seconds, UTC)


def _read_offset(path: Path, *, otherwise: float) -> float:
    """A half-written file keeps the offset that was known before."""
    try:
        return float(json.loads(path.read_bytes())["offset_seconds"])
    except FileNotFoundError:
        return 0.0
    except (ValueError, KeyError, TypeError):
        return otherwise
