"""A patient of the clinic: the registration card."""
