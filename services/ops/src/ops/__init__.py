"""Audit trail, replay, verification and the command line kabinet."""
