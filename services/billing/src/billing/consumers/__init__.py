"""What other services say, and what billing does then."""
