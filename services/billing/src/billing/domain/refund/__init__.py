"""The way back of one payment: at most once, in full."""
