"""The medical organisation of a tenant, and its branches."""
