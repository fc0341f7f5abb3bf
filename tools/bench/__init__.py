"""Measures the work of the suite beside a floor taken in the same run."""
