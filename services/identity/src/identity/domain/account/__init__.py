"""Who may sign in, with what, and as what."""
