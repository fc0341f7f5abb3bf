"""What can be asked over HTTP: one's own feed, and how the clinic's messages went."""
