"""Who has read a chat, or a file of it, and when (GW-24)."""
