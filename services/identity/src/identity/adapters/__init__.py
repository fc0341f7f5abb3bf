"""Identity's ports, implemented."""
