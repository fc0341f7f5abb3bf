"""The only public REST surface and the live channel: it carries, and decides nothing (ADR 0010)."""
