"""How a doctor appears in the directory."""
