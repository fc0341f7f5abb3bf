"""What follows from identity's own facts."""
