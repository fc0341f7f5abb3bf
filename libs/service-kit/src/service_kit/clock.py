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
        self._changed_at = -1
        self._next_look = 0.0
        self._look()

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        if self._file is not None and time.monotonic() >= self._next_look:
            self._look()
        return datetime.now(UTC) + self._offset

    def _look(self) -> None:
        if self._file is None:
            return
        self._next_look = time.monotonic() + _REREAD_SECONDS
        try:
            changed_at = self._file.stat().st_mtime_ns
            if changed_at == self._changed_at:
                return
            text = self._file.read_text()
        except FileNotFoundError:
            self._changed_at, self._offset = -1, timedelta()
            return
        try:
            self._offset = timedelta(seconds=float(json.loads(text)["offset_seconds"]))
        except (ValueError, KeyError, TypeError) as wrong:
            raise ConfigurationError('the clock file must hold {"offset_seconds": N}') from wrong
        self._changed_at = changed_at


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
