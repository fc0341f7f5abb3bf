"""The rules of booking: pure, and knowing nothing of HTTP, buses or tables."""
