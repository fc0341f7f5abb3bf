"""The read API of ops."""
