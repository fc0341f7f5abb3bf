"""Projections: keyed folds of the service's own store into tables, waited for, rebuilt and verified."""

from read_models.checkpoints import create_views
from read_models.folding import Poisoned
from read_models.queries import InvalidPageCursor, Queries, ViewPage
from read_models.rebuild import (
    Difference,
    RebuildRunning,
    Verification,
    digest,
    purge,
    rebuild,
    verify,
)
from read_models.runner import ProjectionRunner, ViewStatus
from read_models.view import Fact, Opened, View
from read_models.waiting import Views

__all__ = [
    "Difference",
    "Fact",
    "InvalidPageCursor",
    "Opened",
    "Poisoned",
    "ProjectionRunner",
    "Queries",
    "RebuildRunning",
    "Verification",
    "View",
    "ViewPage",
    "ViewStatus",
    "Views",
    "create_views",
    "digest",
    "purge",
    "rebuild",
    "verify",
]
