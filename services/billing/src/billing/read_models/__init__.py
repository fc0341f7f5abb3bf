"""What is shown: prices, invoices, payments, refunds."""
