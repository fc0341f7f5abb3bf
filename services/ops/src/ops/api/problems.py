"""Rejections of ops and their statuses: it refuses nothing of its own."""

from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable({})
