"""The event store port, its adapters, the command loop and the codec."""
