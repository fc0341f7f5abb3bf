"""Decisions as pure functions: Decider, Rejection, given/when/then testing."""
