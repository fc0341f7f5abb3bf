"""One preliminary invoice: from its issue to its payment, cancellation or refund."""
