"""The only public REST surface and the live channel."""
