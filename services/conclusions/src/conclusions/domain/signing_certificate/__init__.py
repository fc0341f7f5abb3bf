"""The certificate with which a clinician signs; the private key is elsewhere, wrapped."""
