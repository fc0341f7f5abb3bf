"""One consultation: from the booked appointment to its end."""
