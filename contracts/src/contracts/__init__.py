"""Every public event and topic, declared once; one module per publishing service."""
