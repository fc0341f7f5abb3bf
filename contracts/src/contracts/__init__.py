"""Every public event and topic, declared once."""
