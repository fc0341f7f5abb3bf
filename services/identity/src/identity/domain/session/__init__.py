"""One sign-in of one person on one device, until it ends."""
