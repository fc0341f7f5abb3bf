"""Own copy of a clinician's name and specialty, as identity told them."""
