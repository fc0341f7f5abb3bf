"""Audit trail over all services, verification, parked work: the command line `kabinet` and its read API."""
