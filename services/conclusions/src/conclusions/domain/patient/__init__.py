"""Own copy of a patient's name and birth date, sealed, as identity told them."""
