"""Conclusions, signatures and medical documents."""
