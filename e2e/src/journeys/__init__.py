"""Journeys across all services, as a client makes them: the demo, the end-to-end tests, chaos."""
