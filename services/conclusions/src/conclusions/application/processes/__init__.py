"""What follows from what: processes over the service's own events."""
