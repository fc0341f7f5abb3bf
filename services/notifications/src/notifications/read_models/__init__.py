"""What can be read: one module per view, with its columns, its fold and its queries."""

from collections.abc import Sequence
from typing import Any

from notifications.read_models import messages
from read_models import View

__all__ = ["VIEWS"]

VIEWS: Sequence[View[Any]] = (messages.VIEW,)
