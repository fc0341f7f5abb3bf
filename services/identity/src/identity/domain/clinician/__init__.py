"""A clinician of the organisation."""
