"""Rules of the consultation room."""
