"""How many bookings a patient has with each doctor."""
