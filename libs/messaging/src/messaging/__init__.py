"""The bus port, its adapters, relay, inbox and quarantine."""
