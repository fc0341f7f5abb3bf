"""The only place that reads the time of the machine."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from service_kit.errors import ConfigurationError

__all__ = ["Clock", "FixedClock", "SystemClock"]

_REREAD_SECONDS: Final = 0.2


class Clock(Protocol):
    """What time it is for the rules."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's time, moved by the offset that an operator wrote into a shared file.

    The file holds `{"offset_seconds": N}` and is looked at again at most every 0.2 seconds, so that all processes of
    an embedded suite move together. No file: no offset.
    """

    def __init__(self, offset_file: Path | None = None) -> None:
        self._file = offset_file
        self._offset = timedelta()
        self._seen_change = -1
        self._next_look = 0.0
        if offset_file is not None and offset_file.exists():
            offset = self._read(offset_file)
            if offset is None:
                raise ConfigurationError('the clock file must hold {"offset_seconds": N}')
            self._offset = offset

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        if self._file is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _REREAD_SECONDS
            self._look(self._file)
        return datetime.now(UTC) + self._offset

    def _look(self, file: Path) -> None:
        try:
            changed_at = file.stat().st_mtime_ns
        except FileNotFoundError:
            self._seen_change, self._offset = -1, timedelta()
            return
        if changed_at != self._seen_change:
            offset = self._read(file)
            # A file that is just being written is looked at again; a clock does not stop for it.
            if offset is not None:
                self._seen_change, self._offset = changed_at, offset

    @staticmethod
    def _read(file: Path) -> timedelta | None:
        try:
            return timedelta(seconds=float(json.loads(file.read_text())["offset_seconds"]))
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it was set to."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Stand at `moment` from now on."""
        self._now = moment.astimezone(UTC)

    def advance(self, duration: timedelta) -> None:
        """Move on by `duration`."""
        self._now += duration
