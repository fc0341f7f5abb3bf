"""Durable deadlines: set and cancelled by events, fired as commands that may be refused."""

from timers.deadlines import Deadline, Due, Elapsed, Timer, timers_view
from timers.worker import Backlog, TimerWorker

__all__ = ["Backlog", "Deadline", "Due", "Elapsed", "Timer", "TimerWorker", "timers_view"]
