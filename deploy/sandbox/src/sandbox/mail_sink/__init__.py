"""A real SMTP server and an SMS.RU-like endpoint that deliver to a page instead of to people."""
