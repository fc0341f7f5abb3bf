"""Own copy of a service of the price list, as billing told it."""
