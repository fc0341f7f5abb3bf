"""Own copy of when an appointment is, as booking told it."""
