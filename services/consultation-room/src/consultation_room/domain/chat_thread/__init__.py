"""The chat of a consultation: messages and files in one order."""
