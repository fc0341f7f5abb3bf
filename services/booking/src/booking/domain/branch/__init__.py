"""Own copy of a branch, as identity told it."""
