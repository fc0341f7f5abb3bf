"""Consultations and their chat."""
