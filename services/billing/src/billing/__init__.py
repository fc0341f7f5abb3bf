"""Prices, invoices, payments and refunds."""
