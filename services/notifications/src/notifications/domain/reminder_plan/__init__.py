"""What is known of an appointment, and when its patient is to be reminded of it (NTF-11)."""
