"""What follows from billing's own facts."""
