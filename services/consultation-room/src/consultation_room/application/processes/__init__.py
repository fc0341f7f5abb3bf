"""What follows from the facts of this service."""
