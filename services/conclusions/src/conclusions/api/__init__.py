"""HTTP routes of conclusions."""
