"""Process managers: tables from events to commands."""
