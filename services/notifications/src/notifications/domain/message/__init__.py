"""One message to one person: queued once, sent once."""
