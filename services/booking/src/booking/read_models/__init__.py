"""What can be read: one module per view, with its columns, its fold and its queries."""

from collections.abc import Sequence
from typing import Any

from booking.read_models import (
    branches,
    day_slots,
    doctor_search,
    my_records,
    patients,
    price_list,
    schedule_templates,
)
from read_models import View

__all__ = ["VIEWS"]

VIEWS: Sequence[View[Any]] = (
    branches.VIEW,
    day_slots.VIEW,
    doctor_search.VIEW,
    my_records.VIEW,
    patients.VIEW,
    price_list.VIEW,
    schedule_templates.VIEW,
)
