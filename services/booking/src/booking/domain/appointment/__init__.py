"""One appointment: from a held slot to its end."""
