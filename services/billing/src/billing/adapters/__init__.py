"""Billing's ports, implemented."""
