"""What the services of one branch cost."""
