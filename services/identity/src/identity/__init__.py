"""Accounts, sign-in, patients, keys of personal data."""
