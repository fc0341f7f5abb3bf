"""One try to pay an invoice through the provider."""
