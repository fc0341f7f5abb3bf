"""Own copy of the clinic's legal name and language, as identity told them."""
