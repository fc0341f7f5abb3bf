"""Sealing of personal values, keyrings, log redaction."""
