"""Projections: keyed folds of the store into tables, rebuilt and verified."""
