"""Typed tenant policies with effective dates, kept as events."""
