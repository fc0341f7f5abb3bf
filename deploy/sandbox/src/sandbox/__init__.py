"""Twins of the outside world: acquirer, mail and SMS sink, certificate authority."""
