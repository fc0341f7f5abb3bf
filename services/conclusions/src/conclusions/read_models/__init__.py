"""What can be read: one module per view, with its columns, its fold and its queries."""

from collections.abc import Sequence
from typing import Any

from conclusions.read_models import conclusions
from read_models import View

__all__ = ["VIEWS"]

VIEWS: Sequence[View[Any]] = (conclusions.VIEW,)
