"""Content-addressed files behind one port."""
