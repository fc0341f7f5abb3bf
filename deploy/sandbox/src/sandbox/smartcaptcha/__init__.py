"""Yandex SmartCaptcha's check of tokens."""
