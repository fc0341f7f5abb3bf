"""Doctors, schedules, slots and appointments."""
