"""Durable deadlines."""
