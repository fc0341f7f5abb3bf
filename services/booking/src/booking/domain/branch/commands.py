"""Wishes about the copy of a branch."""

from dataclasses import dataclass

from booking.domain.branch.events import BranchRecorded

__all__ = ["BranchCommand", "RecordBranch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBranch:
    branch: BranchRecorded


BranchCommand = RecordBranch
