"""The HTTP and WebSocket side."""
