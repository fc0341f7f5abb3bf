"""Rules and memories of conclusions: pure."""
