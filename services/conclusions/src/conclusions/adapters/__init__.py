"""Adapters of conclusions: printing, signing, certificates."""
