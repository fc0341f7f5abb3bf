"""Own copy of what booking must know of a patient: account status, and the sealed name."""
