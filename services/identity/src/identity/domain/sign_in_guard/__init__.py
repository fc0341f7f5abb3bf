"""How often somebody may try to sign in, with one login or from one address."""
