"""Personal data: sealing under one key per person, keyrings, look-up hashes, log redaction."""
