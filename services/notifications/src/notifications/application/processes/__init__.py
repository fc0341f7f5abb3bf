"""What follows from the service's own facts."""
