"""What identity does when a time has come."""
