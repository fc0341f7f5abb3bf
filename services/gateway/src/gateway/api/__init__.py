"""The public surface: one door for all operations, one for live channels, the description of both."""
