"""What clients and other services can ask over HTTP."""
