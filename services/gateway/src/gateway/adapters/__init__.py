"""How the gateway keeps answers and reaches services."""
