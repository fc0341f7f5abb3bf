"""Typed tenant policies with effective dates, kept as events; the routes to them are in `policies.api`."""

from policies.book import PolicyBook
from policies.decider import (
    CATEGORY,
    POLICY_CODEC,
    EffectiveFromPast,
    PolicyChanged,
    PolicyReason,
    PolicyValueInvalid,
    SetPolicy,
    UnknownPolicy,
)

__all__ = [
    "CATEGORY",
    "POLICY_CODEC",
    "EffectiveFromPast",
    "PolicyBook",
    "PolicyChanged",
    "PolicyReason",
    "PolicyValueInvalid",
    "SetPolicy",
    "UnknownPolicy",
]
