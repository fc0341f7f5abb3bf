"""A patient on the way to an account: data entered, a code to confirm, registered."""
