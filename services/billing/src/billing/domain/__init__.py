"""The rules of money: prices, invoices, payments, refunds."""
