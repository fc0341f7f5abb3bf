"""A self-made certificate authority with a revocation list and a time-stamp service."""
