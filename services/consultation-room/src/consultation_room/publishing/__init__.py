"""Private facts to public ones."""
